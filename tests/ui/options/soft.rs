use cache_runtime::{cache_invalidate, cache_put, cached};

#[cached(ttl = "1m")]
async fn get(id: u64) -> u64 {
    id
}

#[cache_invalidate(entry = get(id), soft = "30s")]
async fn with_an_entry(id: u64) {
    drop(id);
}

#[cache_invalidate(prefix = "video", soft = "forever")]
async fn without_an_end() {}

#[cache_invalidate(prefix = "video", soft = 0)]
async fn without_a_time() {}

#[cache_invalidate(prefix = "video", soft = true)]
async fn of_another_kind() {}

#[cache_put(entry = get(id), soft = "30s")]
async fn put(id: u64) -> u64 {
    id
}

fn main() {}
