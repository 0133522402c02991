use cache_runtime::cached;

#[cached]
async fn get(id: u64) -> u64 {
    let text: &str = id;
    id + 1
}

fn main() {}
