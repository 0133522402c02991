//! Instances that read and invalidate, simulated; what they make by closed forms; and what these say of
//! sizes that nobody has run.

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
