use cache_runtime::{cache_put, cached};

#[cached]
async fn get(id: u64) -> String {
    id.to_string()
}

#[cache_put(entry = get(id), when = "before")]
async fn change(id: u64) -> String {
    id.to_string()
}

fn main() {}
