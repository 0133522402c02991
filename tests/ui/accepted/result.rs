//! Invalidations that need the result of the function.

#![deny(warnings)]

use cache_runtime::{cache_invalidate, cache_put, cached};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct Product {
    id: u64,
    shelf: Option<String>,
}

struct Shop;

impl Shop {
    #[cached(key = "{id}")]
    async fn product(&self, id: u64) -> Result<Product, String> {
        Ok(Product { id, shelf: None })
    }

    #[cache_invalidate(prefix = "list:{shop}:{result.shelf?}-{result.id}:x", entry = self.product(result.id))]
    async fn change(&self, shop: String) -> Result<Product, String> {
        drop(shop);
        self.product(1).await
    }

    #[cache_put(entry = self.product(id), prefix = "list:{result.shelf?}", tags = ["shop:{id}"], if = |_| true)]
    async fn put(&self, id: u64) -> Result<Product, std::io::Error> {
        Ok(Product { id, shelf: None })
    }
}

#[cached]
async fn by_name(name: &str) -> usize {
    name.len()
}

#[cache_invalidate(entry = by_name(&format!("{result}")), entry = by_name(&result))]
async fn rename<T: Into<String> + Send>(name: T) -> String {
    name.into()
}

#[cache_invalidate(prefix = "list:{result.0.1}")]
fn tuples() -> Result<((u64, u8), u64), ()> {
    Ok(((1, 2), 3))
}

#[cache_invalidate(prefix = "list:{result}")]
async fn argument(result: u64) -> Result<(), u64> {
    Err(result)
}

fn main() {
    _ = (Shop::change, Shop::put, rename::<&str>, tuples, argument);
}
