//! The use of the memory store: by function, with more memory, and advice.

mod advice;
mod finding;
mod measured;
mod report;
#[cfg(test)]
mod tests;

pub use finding::SizingFinding;
pub(crate) use measured::Measured;
pub use report::{FunctionSizing, Sizing};
