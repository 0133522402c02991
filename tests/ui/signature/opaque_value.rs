use cache_runtime::cached;

#[cached]
async fn get(id: u64) -> Result<impl std::fmt::Display, String> {
    Ok(id)
}

fn main() {}
