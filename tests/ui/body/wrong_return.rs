use cache_runtime::cached;

#[cached]
async fn get(id: u64) -> Result<u64, String> {
    if id == 0 {
        return Err(0);
    }
    Ok(id)
}

fn main() {}
