use cache_runtime::cached;

struct Service(u64);

impl Service {
    #[cached(stale_while_revalidate = "1m", skip(self))]
    async fn get(&self, id: u64) -> u64 {
        self.0 + id
    }
}

fn main() {}
