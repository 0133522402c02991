use cache_runtime::{cache_put, cached};

#[cached]
async fn title(id: u64) -> String {
    id.to_string()
}

#[cache_put(entry = title(id), each(id in ids))]
async fn rename(ids: &[u64]) -> Vec<Option<String>> {
    ids.iter().map(|_| None).collect()
}

fn main() {}
