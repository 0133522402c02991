//! Where outputs come from.

use std::time::Duration;

use serde::Serialize;

/// Where an output came from.
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

/// Where an output came from, how long ago it was stored, and whether its TTL is over.
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
