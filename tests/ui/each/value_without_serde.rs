use std::collections::HashMap;

use cache_runtime::cached;

struct Video;

#[cached(each(id in ids))]
async fn videos(ids: &[u64]) -> Result<HashMap<u64, Video>, String> {
    Ok(ids.iter().map(|id| (*id, Video)).collect())
}

fn main() {}
