use cache_runtime::cached;

#[cached(cache_if = async |value| *value > 0)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
