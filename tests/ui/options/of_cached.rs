//! Attributes as they are written for the crate `cached`.

use cache_runtime::cached;

struct Database;

#[cached(time = 60, option = true, key = "String", convert = r#"{ format!("{id}:{lang}") }"#)]
async fn title(id: u64, lang: &str) -> Option<String> {
    Some(format!("{id} {lang}"))
}

#[cached(time = 60, key = "bool", convert = "{ true }")]
async fn count(database: &Database) -> u64 {
    let _ = database;
    0
}

#[cached(
    ty = "TimedSizedCache<u64, u64>",
    create = "{ TimedSizedCache::with_size_and_lifespan(100, 60) }"
)]
async fn square(id: u64) -> u64 {
    id * id
}

#[cached(ttl = "Duration::from_secs(60)", cache_err = true)]
async fn root(id: u64) -> u64 {
    id.isqrt()
}

#[cached(ttl_millis = 500, expires = true, durable = true, with_cached_flag = true)]
async fn cube(id: u64) -> u64 {
    id * id * id
}

fn main() {}
