use cache_runtime::cached;

#[cached]
async fn get(id: &str) -> &str {
    id
}

fn main() {}
