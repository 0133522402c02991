//! What the benchmarks of `cache-runtime` are made of.
//!
//! Machines are noisy, so the contenders of a comparison run in one process and take turns, round
//! by round; what is worth looking at is the ratio between them.

mod calls;
mod poll;
mod results;
mod rounds;
mod table;

pub mod memory;
pub mod redis;

pub use calls::{Arguments, all_calls, random_calls};
pub use poll::ready;
pub use results::{Figure, figures, record};
pub use rounds::{Contender, Effort, compare, is_full};
pub use table::median;
