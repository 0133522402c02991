//! Staleness in this process: generations of what has been invalidated, patterns that were cleared, and the lease of the
//! feed.

pub(crate) mod generation;
pub(crate) mod lease;
mod scans;
