use cache_runtime::cached;

#[cached(tier = Redis)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
