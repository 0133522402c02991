use cache_runtime::{cache_invalidate, cache_put, cached};

#[cached(size = 100, time = 60, time_to_idle = 5, refresh = true, unbound)]
async fn bounds(id: u64) -> u64 {
    id
}

#[cached(result = true, option = true, result_fallback = true, with_cached_flag = true, map_error = |e| e)]
async fn results(id: u64) -> u64 {
    id
}

#[cached(name = "VIDEOS", ty = "Store<u64>", create = "{ Store::new() }", convert = "{ id }", in_impl = true)]
async fn stores(id: u64) -> u64 {
    id
}

#[cached(weigher = |value| value.len())]
async fn weighed(id: u64) -> String {
    id.to_string()
}

#[cached(disk = true, redis = true, namespace = "shop", sync_writes = true, condition = id > 1, keyBuilder = f)]
async fn others(id: u64) -> u64 {
    id
}

#[cached(prefix = "video", when = "always", entry = stores(id))]
async fn of_changes(id: u64) -> u64 {
    id
}

#[cache_invalidate(key = id, all_entries = true, beforeInvocation = true, cache_names = "video", ttl = 5)]
async fn change(id: u64) {
    let _ = id;
}

#[cache_put(key = id, unless = id == 0, prefix = "video")]
async fn put(id: u64) -> u64 {
    id
}

fn main() {}
