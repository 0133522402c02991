use cache_runtime::cached;

#[cached(skip(id.0))]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
