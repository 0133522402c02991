use std::future::Future;
use std::pin::Pin;

use cache_runtime::cache_invalidate;

type Done = Pin<Box<dyn Future<Output = ()> + Send>>;

#[cache_invalidate(prefix = "video")]
fn change() -> Done {
    Box::pin(async {})
}

fn main() {}
