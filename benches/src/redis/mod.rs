//! The contenders of a hit in Redis, and how they are compared.

mod commands;
mod group;
mod ids;
pub mod ours;
pub mod peer;
pub mod raw;
pub mod series;
mod size;
mod spread;
pub mod stock;
mod wire;

pub use commands::Commands;
pub use group::Group;
pub use ids::{Cursor, Ids, Log};
pub use size::{LARGE, MIDDLE, SIZES, SMALL, Size};
pub use spread::spread;
pub use wire::Wire;

/// The error of a benchmark.
pub type Failure = Box<dyn std::error::Error>;
