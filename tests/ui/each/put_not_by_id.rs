use cache_runtime::{cache_put, cached};

#[cached]
async fn title(id: u64) -> String {
    id.to_string()
}

#[cache_put(entry = title(id), each(id in ids))]
async fn rename(ids: &[u64]) -> Result<String, String> {
    Ok(ids.len().to_string())
}

fn main() {}
