use std::collections::HashMap;

use cache_runtime::{cache_put, cached};

#[cached]
async fn title(id: u64) -> String {
    id.to_string()
}

#[cache_put(entry = title(id), each(id in ids))]
async fn lengths(ids: &[u64]) -> HashMap<u64, usize> {
    ids.iter().map(|id| (*id, id.to_string().len())).collect()
}

fn main() {}
