use cache_runtime::cached;

trait Videos {
    #[cached(skip(self))]
    async fn get(&self, id: u64) -> u64;
}

fn main() {}
