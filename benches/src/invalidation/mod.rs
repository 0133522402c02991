//! Invalidations in memory.

mod ours;
mod peers;

pub use ours::{By, filled, time};
pub use peers::{moka, quick_cache};
