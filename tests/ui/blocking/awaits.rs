use cache_runtime::cached;

async fn load(id: u64) -> u64 {
    id
}

#[cached]
fn get(id: u64) -> u64 {
    load(id).await
}

fn main() {}
