use cache_runtime::{cache_invalidate, cached};

#[cached]
fn get(id: u64) -> u64 {
    id
}

#[cache_invalidate(entry = get(id))]
fn change(id: u64) {}

fn main() {}
