use cache_runtime::{cache_put, cached};

#[cached]
async fn get(id: u64) -> String {
    id.to_string()
}

#[cache_put(entry = get(id))]
async fn change(id: u64, titles: &[String]) -> &str {
    titles.get(id as usize).map_or("", String::as_str)
}

fn main() {}
