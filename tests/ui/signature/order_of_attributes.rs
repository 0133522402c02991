use cache_runtime::{cache_invalidate, cache_put, cached};

#[cached]
async fn get(id: u64) -> u64 {
    id
}

#[cached]
#[cache_invalidate(prefix = "get")]
async fn touch(id: u64) -> u64 {
    id
}

#[cached]
#[cache_runtime::cache_put(entry = get(id))]
async fn set(id: u64) -> u64 {
    id
}

#[cache_put(entry = get(id))]
#[cached]
async fn well(id: u64) -> u64 {
    id
}

fn main() {}
