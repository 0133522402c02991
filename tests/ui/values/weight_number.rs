use cache_runtime::cached;

#[cached(weight = 5)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
