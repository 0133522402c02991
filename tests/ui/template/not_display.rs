use cache_runtime::cached;

struct User {
    tags: Vec<String>,
}

#[cached(key = "{id}")]
async fn optional(id: Option<u64>) -> u64 {
    id.unwrap_or(0)
}

#[cached(key = "{user.tags}")]
async fn field(user: &User) -> usize {
    user.tags.len()
}

fn main() {}
