use cache_runtime::cached;

#[cached(ttl = , key = "{id}")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
