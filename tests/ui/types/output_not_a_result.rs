use cache_runtime::cached;

#[cached(output = "result")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
