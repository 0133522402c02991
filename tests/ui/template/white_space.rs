use cache_runtime::{cache_invalidate, cached};

#[cached(key_prefix = "shop", key = " {id}", tags = [" "])]
async fn get(id: u64) -> u64 {
    id
}

#[cache_invalidate(prefix = "shop:{id} ", tags = ["by:{id}\u{2003}"])]
async fn change(id: u64) {
    drop(id);
}

fn main() {}
