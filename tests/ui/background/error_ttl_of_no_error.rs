use cache_runtime::cached;

struct Failure;

#[cached(error_ttl = "1s")]
async fn not_clone(id: u64) -> Result<u64, Failure> {
    Ok(id)
}

#[cached(error_ttl = "1s")]
async fn no_result(id: u64) -> u64 {
    id
}

fn main() {}
