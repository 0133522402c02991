use cache_runtime::cached;

#[cached(stale_while_revalidate = "1m", background = false)]
async fn get(id: u64) -> u64 {
    id
}

#[cached(background = false)]
async fn needless(id: u64) -> u64 {
    id
}

fn main() {}
