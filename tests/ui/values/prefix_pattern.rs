use cache_runtime::{cache_invalidate, cached};

#[cached(key_prefix = "h:*")]
async fn get(id: u64) -> u64 {
    id
}

#[cache_invalidate(prefix = "h:*", tags = ["user:{id}:?"])]
async fn change(id: u64) {
    drop(id);
}

fn main() {}
