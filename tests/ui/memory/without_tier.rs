use std::sync::Arc;

use cache_runtime::cached;

#[derive(Clone)]
struct Regex;

trait Model: Send + Sync {}

#[cached]
async fn regex(pattern: &str) -> Regex {
    _ = pattern;
    Regex
}

#[cached]
async fn several(pattern: &str) -> Result<(Vec<Option<Arc<Regex>>>, u8), String> {
    _ = pattern;
    Ok((Vec::new(), 0))
}

#[cached(tier = "tiered")]
async fn model(id: u64) -> Option<Arc<dyn Model>> {
    _ = id;
    None
}

fn main() {}
