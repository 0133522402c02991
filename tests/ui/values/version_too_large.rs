use cache_runtime::cached;

#[cached(version = 18446744073709551616)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
