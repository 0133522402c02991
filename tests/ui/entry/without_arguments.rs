use cache_runtime::{cache_invalidate, cached};

#[cached]
async fn get(id: u64) -> String {
    id.to_string()
}

#[cache_invalidate(entry = get)]
async fn change(id: u64) {
    drop(id);
}

fn main() {}
