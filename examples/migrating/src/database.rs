//! The source of the data: a table in memory that counts its queries.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use tokio::sync::{RwLock, RwLockWriteGuard};

use crate::{Currency, Product, ShopError};

/// A handle of the database. Clones share the table and the count.
#[derive(Clone, Debug)]
pub struct Database(Arc<Table>);

#[derive(Debug)]
struct Table {
    products: std::sync::Mutex<BTreeMap<u64, Product>>,
    queries: AtomicU64,
    /// Held for writing while no query returns.
    pause: RwLock<()>,
}

impl Database {
    /// Returns a database of these products, and a count of zero.
    pub fn new(products: impl IntoIterator<Item = Product>) -> Self {
        let products = products.into_iter().map(|product| (product.id, product)).collect();
        Database(Arc::new(Table {
            products: std::sync::Mutex::new(products),
            queries: AtomicU64::new(0),
            pause: RwLock::new(()),
        }))
    }

    /// Returns the number of queries so far. Changes do not count.
    pub fn queries(&self) -> u64 {
        self.0.queries.load(Ordering::SeqCst)
    }

    /// Lets no query return until the guard is dropped. A query counts, and reads the table, when it arrives.
    pub async fn pause(&self) -> RwLockWriteGuard<'_, ()> {
        self.0.pause.write().await
    }

    /// Queries one product.
    ///
    /// # Errors
    ///
    /// If there is none with this number.
    pub async fn product(&self, id: u64) -> Result<Product, ShopError> {
        self.query(|products| products.get(&id).cloned()).await.ok_or(ShopError::NoProduct(id))
    }

    /// Queries the products of a shelf, in the order of their numbers.
    pub async fn shelf(&self, name: &str) -> Vec<Product> {
        let is_there = |product: &&Product| product.shelf == name;
        self.query(|products| products.values().filter(is_there).cloned().collect()).await
    }

    /// Queries the price of a product, in hundredths of the currency.
    ///
    /// # Errors
    ///
    /// If there is no product with this number.
    pub async fn price(&self, id: u64, currency: Currency) -> Result<u64, ShopError> {
        let cents = self.query(|products| products.get(&id).map(|product| product.cents)).await;
        let in_currency = |cents| match currency {
            Currency::Eur => cents,
            Currency::Usd => cents * 11 / 10,
        };
        cents.map(in_currency).ok_or(ShopError::NoProduct(id))
    }

    /// Queries the number of the product with this code.
    pub async fn with_barcode(&self, barcode: &str) -> Option<u64> {
        let mut is_it = |product: &&Product| product.barcode == barcode;
        self.query(|products| products.values().find(&mut is_it).map(|product| product.id)).await
    }

    /// Replaces a product.
    ///
    /// # Errors
    ///
    /// If there is none with this number.
    pub async fn change(&self, product: &Product) -> Result<(), ShopError> {
        match self.lock().get_mut(&product.id) {
            Some(row) => *row = product.clone(),
            None => return Err(ShopError::NoProduct(product.id)),
        }
        Ok(())
    }

    /// Adds a product, and returns it as it is stored.
    ///
    /// # Errors
    ///
    /// If there is one with this number.
    pub async fn add(&self, product: Product) -> Result<Product, ShopError> {
        let mut products = self.lock();
        if products.contains_key(&product.id) {
            return Err(ShopError::Exists(product.id));
        }
        products.insert(product.id, product.clone());
        Ok(product)
    }

    async fn query<T>(&self, read: impl FnOnce(&BTreeMap<u64, Product>) -> T) -> T {
        let found = read(&self.lock());
        self.0.queries.fetch_add(1, Ordering::SeqCst);
        let _ = self.0.pause.read().await;
        found
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Product>> {
        self.0.products.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
