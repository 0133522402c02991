use std::collections::HashMap;

use cache_runtime::{cache_put, cached};

struct Title;

#[cached]
async fn title(id: u64) -> String {
    id.to_string()
}

#[cache_put(entry = title(id), each(id in ids))]
async fn rename(ids: &[u64]) -> HashMap<u64, Title> {
    ids.iter().map(|id| (*id, Title)).collect()
}

fn main() {}
