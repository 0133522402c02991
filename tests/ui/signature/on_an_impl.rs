use cache_runtime::{cache_invalidate, cached};

struct Videos;

#[cached(ttl = "5m")]
impl Videos {
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

#[cache_invalidate(prefix = "get")]
trait Change {
    async fn change(&self, id: u64);
}

fn main() {}
