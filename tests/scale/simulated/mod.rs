//! Simulated instances that read and invalidate, the same by closed forms, and an extrapolation of these to
//! larger sizes.

mod cold;
mod lru;
mod plan;
mod predicted;
mod tests;
mod world;
mod zipf;

use plan::Plan;
use predicted::Predicted;
use world::Counted;
