use cache_runtime::cached;

#[cached(jitter = 0.6)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
