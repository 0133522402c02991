//! The program with `cache-runtime`: an attribute on each function, in memory or in Redis.

use cache_runtime::{cache_invalidate, cache_put, cached};

use crate::{Currency, Database, Product, Shop, ShopError};

/// The shop. The cache is that of the process, or of a scope.
#[derive(Debug)]
pub struct WithCacheRuntime {
    db: Database,
}

impl WithCacheRuntime {
    /// Returns the shop over this database.
    pub fn new(db: Database) -> Self {
        WithCacheRuntime { db }
    }
}

impl Shop for WithCacheRuntime {
    #[cached(ttl = "5m", key = "{id}")]
    async fn product(&self, id: u64) -> Result<Product, ShopError> {
        self.db.product(id).await
    }

    #[cached(ttl = "1m", key = "{name}")]
    async fn shelf(&self, name: &str) -> Vec<Product> {
        self.db.shelf(name).await
    }

    #[cached(ttl = "5m", key_prefix = "product", key = "{id}:price:{currency}")]
    async fn price(&self, id: u64, currency: Currency) -> Result<u64, ShopError> {
        self.db.price(id, currency).await
    }

    #[cached(ttl = "1h", key = "{barcode}", cache_none = false)]
    async fn with_barcode(&self, barcode: &str) -> Option<u64> {
        self.db.with_barcode(barcode).await
    }

    #[cache_invalidate(prefix = "product:{product.id}", entry = self.shelf(&product.shelf))]
    async fn change(&self, product: &Product) -> Result<(), ShopError> {
        self.db.change(product).await
    }

    #[cache_put(entry = self.product(product.id))]
    #[cache_invalidate(entry = self.shelf(&product.shelf))]
    async fn add(&self, product: Product) -> Result<Product, ShopError> {
        self.db.add(product).await
    }
}
