use cache_runtime::cached;

struct Videos;

impl Videos {
    #[cached(ttl = 60)]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
