use cache_runtime::{MessagePack, cached};

#[cached(tier = "memory", codec = MessagePack, coalesce = "fleet")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
