use cache_runtime::cached;

#[cached(ttl = "0h0m")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
