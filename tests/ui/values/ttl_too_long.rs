use cache_runtime::cached;

#[cached(ttl = 18446744073709551615)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
