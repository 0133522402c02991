use cache_runtime::cache_invalidate;

#[cache_invalidate(prefix = "user:{id}")]
async fn rename(id: u64, name: &str) -> Result<usize, String> {
    let length: u64 = name.len();
    Ok(length)
}

fn main() {}
