use cache_runtime::cached;

#[cached(tier = "redi")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
