use cache_runtime::cached;

#[cached(key = "{id}")]
async fn get(id: Option<u64>) -> u64 {
    id.unwrap_or(0)
}

fn main() {}
