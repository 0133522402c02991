use cache_runtime::cached;

struct Service(u64);

impl Clone for Service {
    fn clone(&self) -> Self {
        Service(self.0)
    }
}

impl Service {
    #[cached(stale_while_revalidate = "1m", skip(self))]
    async fn get(&self, id: u64) -> String {
        self.missing(id);
        let number: u64 = "1";
        id + number
    }
}

fn main() {}
