use cache_runtime::cached;

#[derive(Clone)]
struct Video {
    id: u64,
}

#[cached]
async fn get(id: u64) -> Result<Video, String> {
    Ok(Video { id })
}

fn main() {}
