use cache_runtime::cached;

const PREFIX: u64 = 60;

#[cached(key_prefix = PREFIX)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
