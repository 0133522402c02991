use cache_runtime::cached;

#[cached(skip = [id])]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
