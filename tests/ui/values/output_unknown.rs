use cache_runtime::cached;

#[cached(output = "option")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
