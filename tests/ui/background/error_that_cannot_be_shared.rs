use cache_runtime::cached;

#[derive(Debug)]
struct Failure;

#[cached(share_errors = true)]
async fn get(id: u64) -> Result<u64, Failure> {
    Ok(id)
}

fn main() {}
