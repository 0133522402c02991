use cache_runtime::cached;

#[cached(jitter = "10%")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
