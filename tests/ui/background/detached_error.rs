use cache_runtime::cached;

#[cached(detached = true)]
async fn get(id: u64) -> Result<u64, Box<dyn std::error::Error>> {
    Ok(id)
}

fn main() {}
