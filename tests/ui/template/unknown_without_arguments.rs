use cache_runtime::cached;

#[cached(key = "{id}")]
async fn get() -> u64 {
    5
}

fn main() {}
