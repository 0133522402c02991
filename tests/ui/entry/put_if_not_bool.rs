use cache_runtime::{cache_put, cached};

#[cached]
async fn get(id: u64) -> String {
    id.to_string()
}

#[cache_put(entry = get(id), if = |title| title.len())]
async fn change(id: u64) -> String {
    id.to_string()
}

fn main() {}
