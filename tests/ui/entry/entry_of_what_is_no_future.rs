use cache_runtime::{CacheCall as _, cached};

#[cached]
async fn get(id: u64) -> u64 {
    id
}

#[tokio::main]
async fn main() {
    get(1).await.cache_entry().invalidate().await.unwrap();
}
