use cache_runtime::cached;

#[cached]
async fn get<T>(id: T) -> u64 {
    drop(id);
    5
}

fn main() {}
