use async_trait::async_trait;
use cache_runtime::cached;

#[async_trait]
trait Get {
    async fn get(&self, id: u64) -> Result<u64, String>;
}

#[async_trait]
impl Get for () {
    #[cached(skip(self))]
    async fn get(&self, id: u64) -> Result<u64, String> {
        let text: &str = id;
        Ok(text)
    }
}

fn main() {}
