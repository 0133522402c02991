use std::collections::HashMap;

use cache_runtime::{cache_put, cached};

#[cached]
async fn title(id: u64) -> String {
    id.to_string()
}

#[cache_put(entry = title(first), entry = title(id), each(id in ids))]
async fn rename(ids: &[u64], first: u64) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, first.to_string())).collect()
}

fn main() {}
