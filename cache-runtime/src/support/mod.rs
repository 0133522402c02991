//! Utilities that all modules use: time, randomness, tasks, panics.

pub(crate) mod ambient;
pub(crate) mod blocking;
pub(crate) mod boxed;
pub(crate) mod clock;
#[cfg(test)]
pub(crate) mod golden;
pub(crate) mod innermost;
pub(crate) mod lock;
pub(crate) mod panics;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod runtime;
pub(crate) mod timer;
pub(crate) mod timestamp;
