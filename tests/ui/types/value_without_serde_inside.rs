use std::sync::Arc;

use cache_runtime::{cache_put, cached};

struct Video {
    _title: String,
}

#[cached(stale_while_revalidate = "1m", stale_if_error = "1h", negative_ttl = "1s")]
async fn list(id: u64) -> Result<Option<Vec<Video>>, String> {
    Err(id.to_string())
}

#[cached(cache_if = |videos| videos.0 > 0)]
async fn pair(id: u64) -> (u64, Arc<Video>) {
    panic!("{id}")
}

#[cache_put(entry = pair(id))]
async fn change(id: u64) -> (u64, Arc<Video>) {
    panic!("{id}")
}

fn main() {}
