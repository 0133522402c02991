use cache_runtime::cached;

#[cached(codec = u8)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
