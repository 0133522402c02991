use std::rc::Rc;

use cache_runtime::cached;

#[derive(Clone)]
struct Opaque;

#[cached(tier = "memory", verify = "1m")]
async fn incomparable(id: u64) -> Opaque {
    let _ = id;
    Opaque
}

#[cached(verify = "1m")]
async fn not_send(id: u64) -> u64 {
    let shared = Rc::new(id);
    std::future::ready(()).await;
    *shared
}

fn main() {}
