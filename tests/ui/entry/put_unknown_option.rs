use cache_runtime::{cache_put, cached};

#[cached]
async fn get(id: u64) -> String {
    id.to_string()
}

#[cache_put(entries = get(id), prefix = "video")]
async fn change(id: u64) -> String {
    id.to_string()
}

fn main() {}
