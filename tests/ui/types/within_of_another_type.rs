use cache_runtime::{InvalidationQueue, cache_invalidate, cache_put, cached};

struct Connection;

#[cached(within = tx)]
async fn read(tx: &mut Connection, id: u64) -> u64 {
    id
}

#[cached(within = tx)]
fn read_blocking(tx: &Connection, id: u64) -> u64 {
    id
}

#[cache_invalidate(prefix = "read", within = tx)]
async fn write(tx: &mut Connection) {}

#[cache_put(entry = read_in(queue, id), within = Some(queue))]
async fn put(queue: &InvalidationQueue, id: u64) -> u64 {
    id
}

#[cached(within = queue)]
async fn read_in(queue: &InvalidationQueue, id: u64) -> u64 {
    id
}

fn main() {}
