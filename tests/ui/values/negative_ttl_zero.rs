use cache_runtime::cached;

#[cached(negative_ttl = "0s")]
async fn get(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
