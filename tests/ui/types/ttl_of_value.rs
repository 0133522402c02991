use cache_runtime::cached;
use std::time::Duration;

#[cached(ttl = |seconds| *seconds)]
async fn number(id: u64) -> u64 {
    id
}

#[cached(ttl = |time: &Duration| *time)]
async fn of_another_type(id: u64) -> Result<u64, u8> {
    Ok(id)
}

fn main() {}
