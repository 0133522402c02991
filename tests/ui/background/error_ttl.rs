use cache_runtime::cached;

#[cached(error_ttl = "1s", share_errors = false)]
async fn unshared(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(error_ttl = "forever")]
async fn endless(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(error_ttl = "0s")]
async fn none(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(error_ttl = "1s")]
async fn borrowed(name: &str) -> Result<u64, &str> {
    name.parse().map_err(|_| name)
}

#[cached(error_ttl = "1s", output = "plain")]
async fn plain(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
