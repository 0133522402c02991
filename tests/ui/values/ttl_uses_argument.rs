use cache_runtime::cached;

#[cached(ttl = std::time::Duration::from_secs(id))]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
