use cache_runtime::{cache_invalidate, cached};

fn get(id: u64) -> u64 {
    id
}

#[cached]
async fn other(id: u64) -> u64 {
    id
}

#[cache_invalidate(entry = get(id))]
async fn change(id: u64) {
    drop(id);
}

fn main() {}
