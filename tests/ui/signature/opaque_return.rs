use cache_runtime::cached;

#[cached]
async fn get(id: u64) -> impl std::fmt::Display {
    id
}

fn main() {}
