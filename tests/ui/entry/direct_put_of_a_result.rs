use cache_runtime::{CacheCall as _, cached};

#[cached]
async fn get(id: u64) -> Result<String, std::io::Error> {
    Ok(id.to_string())
}

#[tokio::main]
async fn main() {
    get(1).cache_entry().put(Ok("1".to_owned())).await.unwrap();
}
