use cache_runtime::cached;

#[cached(negative_ttl = "1m", each(id in ids))]
async fn titles(ids: &[u64]) -> Vec<String> {
    ids.iter().map(|id| id.to_string()).collect()
}

fn main() {}
