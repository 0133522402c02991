use cache_runtime::cached;

#[cached(tier = "tiered")]
fn tiered(id: u64) -> u64 {
    id
}

#[cached(tier = "redis", detached = true)]
fn redis(id: u64) -> u64 {
    id
}

fn main() {}
