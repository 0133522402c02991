use cache_runtime::cached;

#[cached(key = ["a", "b"])]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
