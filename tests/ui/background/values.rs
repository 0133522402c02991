use cache_runtime::cached;

#[cached(stale_while_revalidate = "0s", coalesce = "fleeeet", early_refresh = -1.0, share_errors = 1)]
async fn get(id: u64) -> u64 {
    id
}

#[cached(stale_while_revalidat = "1m")]
async fn misspelt(id: u64) -> u64 {
    id
}

fn main() {}
