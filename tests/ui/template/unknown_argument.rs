use cache_runtime::cached;

#[cached(key = "{video_id}")]
async fn get(id: u64, lang: &str) -> u64 {
    id + lang.len() as u64
}

fn main() {}
