use cache_runtime::cached;

#[cached(cache_if = |id, value| id == value)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
