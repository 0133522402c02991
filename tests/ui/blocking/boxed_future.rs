use std::future::Future;
use std::pin::Pin;

use cache_runtime::{cache_invalidate, cached};

async fn load(id: u64) -> u64 {
    id
}

#[cached]
fn get(id: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    let load = load(id);
    if id == 0 { Box::pin(async { 0 }) } else { Box::pin(load) }
}

#[cache_invalidate(prefix = "get")]
fn change() -> impl Future<Output = ()> {
    async {}
}

fn main() {}
