use cache_runtime::cached;

#[cached]
async fn get(id: &str) -> Result<u64, String> {
    Ok(id.parse()?)
}

fn main() {}
