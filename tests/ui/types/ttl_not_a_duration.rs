use std::sync::LazyLock;
use std::time::Duration;

use cache_runtime::cached;

const TTL: u64 = 60;
static LAZY: LazyLock<Duration> = LazyLock::new(|| Duration::from_secs(60));

#[cached(ttl = TTL)]
async fn number(id: u64) -> u64 {
    id
}

#[cached(ttl = LAZY, stale_while_revalidate = &*LAZY, negative_ttl = -*LAZY)]
async fn lazy(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
