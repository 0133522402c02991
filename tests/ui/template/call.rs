use cache_runtime::cached;

#[cached(key = "{id.to_string()}")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
