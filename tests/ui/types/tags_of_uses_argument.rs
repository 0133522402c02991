use cache_runtime::cached;

#[cached(tags_of = |value| [format!("user:{id}:{}", *value + id)])]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
