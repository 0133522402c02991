//! The values that are cached, and the error that is not.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

/// A product of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// The number of the product.
    pub id: u64,
    /// The name, which may change.
    pub name: String,
    /// The shelf, which never changes.
    pub shelf: String,
    /// The printed code, which never changes.
    pub barcode: String,
    /// The price in hundredths of a euro.
    pub cents: u64,
}

/// A currency of a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Currency {
    /// Euros.
    Eur,
    /// US dollars.
    Usd,
}

impl Currency {
    /// All currencies.
    pub const ALL: [Currency; 2] = [Currency::Eur, Currency::Usd];
}

impl Display for Currency {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Currency::Eur => "EUR",
            Currency::Usd => "USD",
        })
    }
}

/// An error of the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub enum ShopError {
    /// There is no product with this number.
    NoProduct(u64),
    /// There is a product with this number already.
    Exists(u64),
}

impl Display for ShopError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            ShopError::NoProduct(id) => write!(f, "there is no product {id}"),
            ShopError::Exists(id) => write!(f, "there is a product {id} already"),
        }
    }
}

impl Error for ShopError {}
