//! One program, written with four caches: the crates `cached` and `moka`, Redis by hand, and `cache-runtime`.
//!
//! All four implement [`Shop`] over the same [`Database`], which counts its queries. [`script`] makes the
//! same calls to each of them, and [`compare`] prints their results and the number of loads.

pub mod comparison;
pub mod database;
pub mod product;
pub mod script;
pub mod shop;
pub mod with_cache_runtime;
pub mod with_cached;
pub mod with_moka;
pub mod with_redis;

pub use comparison::{Comparison, compare};
pub use database::Database;
pub use product::{Currency, Product, ShopError};
pub use shop::Shop;
