use cache_runtime::cached;

#[cached(tags = ["user:{user_id}", "video:{id}", "list:{list_id}"])]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
