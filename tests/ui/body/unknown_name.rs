use cache_runtime::cached;

struct Shop;

impl Shop {
    #[cached(skip(self))]
    async fn get(&self, id: u64) -> u64 {
        self.get_or_nothing(id).await + ide
    }
}

fn main() {}
