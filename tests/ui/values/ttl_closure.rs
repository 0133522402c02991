use cache_runtime::cached;
use std::time::Duration;

#[cached(ttl = |a, b| Duration::MAX)]
async fn two_parameters(id: u64) -> u64 {
    id
}

#[cached(ttl = |_| Duration::from_secs(id))]
async fn of_an_argument(id: u64) -> u64 {
    id
}

#[cached(ttl = async |_| Duration::MAX)]
async fn asynchronous(id: u64) -> u64 {
    id
}

#[cached(negative_ttl = |_| Duration::MAX)]
async fn of_none(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
