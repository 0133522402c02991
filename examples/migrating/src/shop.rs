//! The functions of the program, which four files implement.

use std::future::Future;

use crate::{Currency, Product, ShopError};

/// A catalogue with a cache in front of its database.
pub trait Shop {
    /// Returns a product. An error is not stored.
    fn product(&self, id: u64) -> impl Future<Output = Result<Product, ShopError>>;

    /// Lists the products of a shelf.
    fn shelf(&self, name: &str) -> impl Future<Output = Vec<Product>>;

    /// Returns the price of a product, in hundredths of the currency. An error is not stored.
    fn price(&self, id: u64, currency: Currency) -> impl Future<Output = Result<u64, ShopError>>;

    /// Returns the number of the product with this code. `None` is not stored: the code may be that of the
    /// next product.
    fn with_barcode(&self, barcode: &str) -> impl Future<Output = Option<u64>>;

    /// Changes a product. This removes the product, all its prices, and the list of its shelf.
    fn change(&self, product: &Product) -> impl Future<Output = Result<(), ShopError>>;

    /// Adds a product. This stores the product, and removes the list of its shelf.
    fn add(&self, product: Product) -> impl Future<Output = Result<Product, ShopError>>;
}
