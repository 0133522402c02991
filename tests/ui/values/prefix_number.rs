use cache_runtime::cached;

#[cached(key_prefix = 5)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
