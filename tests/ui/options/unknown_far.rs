use cache_runtime::cached;

#[cached(expires_after = 60)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
