use std::collections::HashMap;

use cache_runtime::cached;

#[cached(key = "{lang}", each(id in ids))]
async fn template(ids: &[u64], lang: &str) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, format!("{lang} {id}"))).collect()
}

#[cached(key = (lang, 1), each(id in ids))]
async fn expression(ids: &[u64], lang: &str) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, format!("{lang} {id}"))).collect()
}

#[cached(skip(id), each(id in ids))]
async fn skipped(ids: &[u64], lang: &str) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, format!("{lang} {id}"))).collect()
}

fn main() {}
