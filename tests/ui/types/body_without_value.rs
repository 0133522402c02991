use cache_runtime::cached;

#[cached]
async fn get(id: u64) -> u64 {
    drop(id);
}

fn main() {}
