use cache_runtime::{cache_invalidate, cached};

#[cached]
const fn get(id: u64) -> u64 {
    id
}

#[cache_invalidate(prefix = "get")]
const fn change() {}

fn main() {}
