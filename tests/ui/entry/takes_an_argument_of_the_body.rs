use cache_runtime::{cache_invalidate, cached};

#[cached]
async fn get(name: String) -> String {
    name
}

#[cache_invalidate(entry = get(name))]
async fn change(name: String) {
    drop(name);
}

fn main() {}
