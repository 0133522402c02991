use cache_runtime::cached;

#[cached(codec = "bincode")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
