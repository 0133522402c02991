use cache_runtime::cached;

#[cached(tags_of = ["user:{id}"])]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
