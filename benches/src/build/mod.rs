//! Measures the cost of building with `cache-runtime` and with its peers.

mod functions;
mod programs;
mod throwaway;

pub use functions::{FUNCTIONS, annotated, bare};
pub use programs::{PROGRAMS, Program};
pub use throwaway::Throwaway;
