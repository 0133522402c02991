//! The use of the memory store: by function, with more memory, and advice.

mod finding;
mod report;
#[cfg(test)]
mod tests;

pub use finding::SizingFinding;
pub(crate) use report::Measured;
pub use report::{FunctionSizing, Sizing};
