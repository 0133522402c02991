use cache_runtime::cached;

const VIDEOS: &str = "video:*";

#[cached(key_prefix = VIDEOS)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
