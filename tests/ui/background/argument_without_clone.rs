use cache_runtime::cached;

struct Pool;

#[cached(stale_while_revalidate = "1m", skip(pool))]
async fn get(pool: &Pool, id: u64) -> u64 {
    let _ = pool;
    id
}

#[cached(stale_while_revalidate = "1m", skip(pool))]
async fn by_value(pool: Pool, id: u64) -> u64 {
    let _ = pool;
    id
}

fn main() {}
