//! The sources of outputs.

use std::time::Duration;

use serde::Serialize;

/// The source of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Source {
    /// The memory of this process.
    Memory,
    /// Redis.
    Redis,
    /// The function's body, run by this call.
    Load,
    /// The function's body, run by another caller at the same time.
    Shared,
}

/// The source of an output, its age, and whether its TTL has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) source: Source,
    pub(crate) age: Duration,
    pub(crate) stale: bool,
}

impl Origin {
    pub(crate) fn new(source: Source) -> Self {
        Origin { source, age: Duration::ZERO, stale: false }
    }
}
