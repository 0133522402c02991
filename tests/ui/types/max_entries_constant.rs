use cache_runtime::cached;

const NONE: u64 = 0;
const FRACTION: f64 = 0.5;

#[cached(max_entries = NONE)]
async fn nothing(id: u64) -> u64 {
    id
}

#[cached(max_memory = FRACTION)]
async fn part(id: u64) -> u64 {
    id
}

fn main() {}
