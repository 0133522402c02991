use cache_runtime::cached;

const PREFIX: &str = "video:";

#[cached(key_prefix = PREFIX)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
