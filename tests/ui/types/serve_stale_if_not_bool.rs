use cache_runtime::cached;

#[cached(stale_if_error = "1h", serve_stale_if = |error| error.len())]
async fn get(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn is_empty(error: &Vec<u8>) -> bool {
    error.is_empty()
}

#[cached(stale_if_error = "1h", serve_stale_if = is_empty)]
async fn of_another_error(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
