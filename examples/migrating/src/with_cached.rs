//! The program with `cached`: an attribute on each function, and a static for each of them.

use cached::Cached as _;
use cached::macros::cached;

use crate::{Currency, Database, Product, Shop, ShopError};

#[cached(max_size = 10_000, ttl_secs = 300, key = "u64", convert = { id }, sync_writes = "by_key")]
async fn product(db: &Database, id: u64) -> Result<Product, ShopError> {
    db.product(id).await
}

#[cached(max_size = 1_000, ttl_secs = 60, key = "String", convert = { name.to_owned() })]
async fn shelf(db: &Database, name: &str) -> Vec<Product> {
    db.shelf(name).await
}

#[cached(max_size = 20_000, ttl_secs = 300, key = "(u64, Currency)", convert = { (id, currency) })]
async fn price(db: &Database, id: u64, currency: Currency) -> Result<u64, ShopError> {
    db.price(id, currency).await
}

#[cached(max_size = 10_000, ttl_secs = 3600, key = "String", convert = { barcode.to_owned() })]
async fn with_barcode(db: &Database, barcode: &str) -> Option<u64> {
    db.with_barcode(barcode).await
}

async fn change(db: &Database, product: &Product) -> Result<(), ShopError> {
    db.change(product).await?;
    PRODUCT.write().await.cache_delete(&product.id);
    PRICE.write().await.retain(|(id, _), _| *id != product.id);
    SHELF.write().await.cache_delete(&product.shelf);
    Ok(())
}

async fn add(db: &Database, product: Product) -> Result<Product, ShopError> {
    let product = db.add(product).await?;
    PRODUCT.write().await.cache_set(product.id, product.clone());
    SHELF.write().await.cache_delete(&product.shelf);
    Ok(product)
}

/// The functions above, as the comparison calls them. The attribute generates no static for a method.
#[derive(Debug)]
pub struct WithCached {
    db: Database,
}

impl WithCached {
    /// Returns the shop over this database. The values are in statics, which all shops of the process share.
    pub fn new(db: Database) -> Self {
        WithCached { db }
    }
}

impl Shop for WithCached {
    async fn product(&self, id: u64) -> Result<Product, ShopError> {
        product(&self.db, id).await
    }

    async fn shelf(&self, name: &str) -> Vec<Product> {
        shelf(&self.db, name).await
    }

    async fn price(&self, id: u64, currency: Currency) -> Result<u64, ShopError> {
        price(&self.db, id, currency).await
    }

    async fn with_barcode(&self, barcode: &str) -> Option<u64> {
        with_barcode(&self.db, barcode).await
    }

    async fn change(&self, product: &Product) -> Result<(), ShopError> {
        change(&self.db, product).await
    }

    async fn add(&self, product: Product) -> Result<Product, ShopError> {
        add(&self.db, product).await
    }
}
