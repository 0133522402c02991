use cache_runtime::cached;

#[cached(ttl = "5 min", negative_ttl = "1.5h")]
async fn get(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
