use cache_runtime::{CacheManager, cache_invalidate, cache_put, cached};

struct Shop {
    cache: CacheManager,
    name: String,
}

impl Shop {
    #[cached(key = "{id}", manager = &self.name)]
    async fn item(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = "{id}", manager = self.cache)]
    async fn not_borrowed(&self, id: u64) -> u64 {
        id
    }

    #[cache_invalidate(prefix = "item", manager = self)]
    async fn change(&self) {}

    #[cache_put(entry = self.item(id), manager = Some(&self.cache))]
    async fn put(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
