use cache_runtime::{cache_put, cached};

#[cached]
async fn get(id: u64) -> u64 {
    id
}

#[cache_put(entry = get(id))]
async fn set(id: u64, to: u64) -> u64 {
    to.push(1);
    to
}

fn main() {}
