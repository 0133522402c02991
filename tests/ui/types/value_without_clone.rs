use cache_runtime::cached;

#[derive(serde::Serialize, serde::Deserialize)]
struct Video {
    id: u64,
}

#[cached]
async fn get(id: u64) -> Video {
    Video { id }
}

fn main() {}
