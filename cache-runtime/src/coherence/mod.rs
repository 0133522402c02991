//! Staleness in this process: the generations of names and tags, the cleared patterns, the soft invalidations, and the lease of the
//! feed.

pub(crate) mod generation;
pub(crate) mod lease;
mod scans;
pub(crate) mod soft;
