use cache_runtime::cached;

#[cached(serve_stale_if = |error| error.is_empty())]
async fn alone(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(stale_if_error = "1h", serve_stale_if = true)]
async fn boolean(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(stale_if_error = "1h", serve_stale_if = |error, id| id > 0)]
async fn two_parameters(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(stale_if_error = "1h", serve_stale_if = |error| id > 0)]
async fn uses_argument(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(stale_if_error = "1h", serve_stale_if = async |error| true)]
async fn waits(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
