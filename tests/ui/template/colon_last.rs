use cache_runtime::cached;

#[cached(tags = ["user:"])]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
