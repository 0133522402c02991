use cache_runtime::{CacheManager, cache_invalidate, cached};

async fn manager(_: u64) -> CacheManager {
    CacheManager::off()
}

#[cached(manager = &manager(id).await)]
async fn get(id: u64) -> u64 {
    id
}

#[cache_invalidate(prefix = "get", manager = { let manager = manager(1).await; &manager })]
async fn change() {}

fn main() {}
