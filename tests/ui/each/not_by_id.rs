use std::collections::HashMap;

use cache_runtime::cached;

#[cached(each(id in ids))]
async fn sum(ids: &[u64]) -> u64 {
    ids.iter().sum()
}

#[cached(each(id in ids))]
async fn titles(ids: &[u64]) -> Result<HashMap<String, String>, String> {
    Ok(ids.iter().map(|id| (id.to_string(), id.to_string())).collect())
}

fn main() {}
