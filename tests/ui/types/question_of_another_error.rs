use cache_runtime::cached;

struct Missing;

#[cached]
async fn get(id: &str) -> Result<u64, Missing> {
    Ok(id.parse()?)
}

fn main() {}
