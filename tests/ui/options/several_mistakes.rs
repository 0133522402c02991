use cache_runtime::cached;

#[cached(ttl = 0, kye = "{id}", jitter = 2, key = "{uid}")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
