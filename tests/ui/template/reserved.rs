use cache_runtime::cached;

#[cached(tags = ["#all"])]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
