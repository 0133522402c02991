use cache_runtime::cached;

#[cached(key_prefix = "video\0")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
