//! The program with `moka`: a cache for each kind of value, and a method call around each load.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use crate::{Currency, Database, Product, Shop, ShopError};

/// The shop, which holds its caches.
#[derive(Debug)]
pub struct WithMoka {
    db: Database,
    products: Cache<u64, Product>,
    shelves: Cache<String, Vec<Product>>,
    prices: Cache<(u64, Currency), u64>,
    barcodes: Cache<String, u64>,
}

impl WithMoka {
    /// Returns the shop over this database.
    pub fn new(db: Database) -> Self {
        WithMoka {
            db,
            products: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(Duration::from_secs(300))
                .build(),
            shelves: Cache::builder()
                .max_capacity(1_000)
                .time_to_live(Duration::from_secs(60))
                .build(),
            prices: Cache::builder()
                .max_capacity(20_000)
                .time_to_live(Duration::from_secs(300))
                .support_invalidation_closures()
                .build(),
            barcodes: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(Duration::from_secs(3600))
                .build(),
        }
    }
}

impl Shop for WithMoka {
    async fn product(&self, id: u64) -> Result<Product, ShopError> {
        self.products.try_get_with(id, self.db.product(id)).await.map_err(Arc::unwrap_or_clone)
    }

    async fn shelf(&self, name: &str) -> Vec<Product> {
        self.shelves.get_with_by_ref(name, self.db.shelf(name)).await
    }

    async fn price(&self, id: u64, currency: Currency) -> Result<u64, ShopError> {
        let load = self.db.price(id, currency);
        self.prices.try_get_with((id, currency), load).await.map_err(Arc::unwrap_or_clone)
    }

    async fn with_barcode(&self, barcode: &str) -> Option<u64> {
        self.barcodes.optionally_get_with_by_ref(barcode, self.db.with_barcode(barcode)).await
    }

    async fn change(&self, product: &Product) -> Result<(), ShopError> {
        self.db.change(product).await?;
        self.products.invalidate(&product.id).await;
        let changed = product.id;
        // It fails only without `support_invalidation_closures`.
        let _ = self.prices.invalidate_entries_if(move |(id, _), _| *id == changed);
        self.shelves.invalidate(&product.shelf).await;
        Ok(())
    }

    async fn add(&self, product: Product) -> Result<Product, ShopError> {
        let product = self.db.add(product).await?;
        self.products.insert(product.id, product.clone()).await;
        self.shelves.invalidate(&product.shelf).await;
        Ok(product)
    }
}
