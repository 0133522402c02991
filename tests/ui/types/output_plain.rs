use cache_runtime::cached;

struct Failure;

#[cached(output = "plain")]
async fn get(id: u64) -> Result<u64, Failure> {
    Ok(id)
}

#[cached(output = "plain", share_errors = true, stale_if_error = "1h")]
async fn both(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
