use cache_runtime::{InvalidationQueue, cache_invalidate, cached};

async fn begin() -> InvalidationQueue {
    InvalidationQueue::new()
}

#[cached(within = begin().await)]
async fn read(id: u64) -> u64 {
    id
}

#[cache_invalidate(prefix = "read", within = "tx")]
async fn write() {}

#[cache_invalidate(prefix = "read", within = _tx, within = _tx)]
async fn twice(_tx: &InvalidationQueue) {}

fn main() {}
