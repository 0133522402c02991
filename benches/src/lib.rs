//! The parts of the benchmarks of `cache-runtime`.
//!
//! Machines are noisy, so the contenders of a comparison run in one process and take turns, round
//! by round; what is worth looking at is the ratio between them.

mod calls;
mod poll;
mod results;
mod rounds;
mod table;
mod threads;
mod zipf;

pub mod batch;
pub mod build;
pub mod footprint;
pub mod hits;
pub mod invalidation;
pub mod memory;
pub mod process;
pub mod redis;
pub mod report;
pub mod round_trips;
pub mod stampede;

pub use calls::{Access, Arguments, all_calls, random_calls};
pub use poll::ready;
pub use results::{Figure, figures, record};
pub use rounds::{Contender, Effort, compare, is_full, measure, publish};
pub use table::{Times, median, quantile, time_text};
pub use threads::together;
pub use zipf::Zipf;
