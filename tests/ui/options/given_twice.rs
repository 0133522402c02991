use cache_runtime::cached;

#[cached(ttl = 60, ttl = 70)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
