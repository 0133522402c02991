use cache_runtime::cached;

#[cached(ttl = 60 key_prefix = "video")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
