use std::rc::Rc;

use cache_runtime::cached;

#[cached(detached = true)]
async fn get(id: u64) -> u64 {
    let kept = Rc::new(id);
    std::future::ready(()).await;
    *kept
}

fn main() {}
