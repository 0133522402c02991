use cache_runtime::cached;

#[cached]
async fn title(id: u64) -> Option<String> {
    Some(id.to_string())
}

#[cached(entry = title(id), each(id in ids))]
async fn titles(ids: &[u64]) -> Vec<String> {
    ids.iter().map(|id| id.to_string()).collect()
}

fn main() {}
