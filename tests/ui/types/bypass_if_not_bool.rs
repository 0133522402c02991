use cache_runtime::cached;

#[cached(bypass_if = id)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
