use cache_runtime::{cache_put, cached};

#[cached]
async fn get(id: u64) -> String {
    id.to_string()
}

#[cache_put(entry = get(id))]
async fn change(id: u64) -> Result<u64, std::io::Error> {
    Ok(id)
}

fn main() {}
