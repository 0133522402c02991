use cache_runtime::cached;

#[cached]
async fn load(id: u64) -> u64 {
    id
}

#[cached]
async fn get(id: u64) -> u64 {
    load(id) + 1
}

fn main() {}
