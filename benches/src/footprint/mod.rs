//! How much memory caches take, as the system sees it.

mod bound;
mod entries;

pub use bound::growth;
pub use entries::{Filled, KEEPERS, Keeper};
