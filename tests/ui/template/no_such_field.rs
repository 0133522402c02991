use cache_runtime::cached;

struct User {
    name: String,
}

#[cached(key = "{user.nam}")]
async fn get(user: User) -> u64 {
    user.name.len() as u64
}

fn main() {}
