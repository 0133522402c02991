use cache_runtime::cached;

#[cached(ttl = "")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
