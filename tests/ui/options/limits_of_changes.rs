use cache_runtime::{cache_invalidate, cache_put, cached};

#[cached(key = "{id}")]
async fn price(id: u64) -> u64 {
    id
}

#[cache_invalidate(entry = price(id), source = "postgres")]
async fn change(id: u64) {
    let _ = id;
}

#[cache_put(entry = price(id), max_loads = 8, shed = "1s")]
async fn set(id: u64) -> u64 {
    id
}

fn main() {}
