use cache_runtime::cached;

#[cached(cache_none = false, negative_ttl = 5)]
async fn get(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
