//! Measures the memory of caches, as the system reports it.

mod bound;
mod entries;

pub use bound::growth;
pub use entries::{Filled, KEEPERS, Keeper};
