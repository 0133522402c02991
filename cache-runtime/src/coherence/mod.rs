//! Staleness in this process: the generations of names and tags, the cleared patterns, and the lease of the
//! feed.

pub(crate) mod generation;
pub(crate) mod lease;
mod scans;
