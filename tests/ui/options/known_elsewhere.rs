use cache_runtime::{cache_invalidate, cache_put, cached};

#[cached(time = 60, sync_writes = true, condition = id > 1)]
async fn get(id: u64) -> u64 {
    id
}

#[cache_invalidate(key = id)]
async fn remove(id: u64) {
    drop(id);
}

#[cache_put(key = id, unless = id == 0)]
async fn set(id: u64) -> u64 {
    id
}

fn main() {}
