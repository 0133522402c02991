use cache_runtime::cached;

#[cached(load_timeout = "1s")]
async fn get(id: u64) -> u64 {
    id
}

#[cached(load_timeout = "forever", stale_if_error = "1h")]
async fn endless(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
