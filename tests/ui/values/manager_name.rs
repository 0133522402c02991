use cache_runtime::{CacheManager, cache_invalidate, cache_put, cached};

#[cached(manager = "tenants")]
async fn by_name(id: u64) -> u64 {
    id
}

#[cached(manager = || cache(), skip(_cache))]
async fn by_closure(_cache: &CacheManager, id: u64) -> u64 {
    id
}

#[cache_invalidate(prefix = "item", manager = 1)]
async fn by_number() {}

#[cache_put(entry = by_name(id), manager = (&_cache, id))]
async fn by_tuple(_cache: &CacheManager, id: u64) -> u64 {
    id
}

fn main() {}
