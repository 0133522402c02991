//! Soft invalidations of a tag, beside hard ones.
//!
//! One tag has a token and a soft record, and one entry depends on it. Loads note the token before their bodies, and store if it
//! is still the same. A reader has a token cache, and may read the token, the entry and the record at different times. The token
//! may be evicted at any time. The time passes in steps; the window of a soft invalidation lasts for one.
//!
//! A reader must not be given a value that is older than a hard invalidation which had returned when the read began, nor one that
//! is older than a soft invalidation whose window was over. It must not be told that a value is fresh which is older than a soft
//! invalidation that had returned.

mod actor;
mod programs;
mod record;

pub use actor::Role;

/// A rule, which can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoftRule {
    /// A record counts only while its successor is the present token.
    RecordsBelongToTokens,
    /// The predecessors of a record are kept only if the record belongs to the present token.
    ChainsBelongToTokens,
    /// A token is replaced only if it is the one that the record names.
    SwapsCompare,
    /// Another soft invalidation keeps the deadlines of the predecessors.
    DeadlinesAreKept,
    /// A predecessor counts only until its deadline.
    DeadlinesAreCompared,
    /// A soft invalidation drops the cached token, as a hard one does.
    SoftDropsCachedTokens,
    /// A stale value is not told to be fresh.
    PredecessorsAreStale,
    /// A load notes the token before its body.
    TokensNotedFirst,
}

/// A program to search.
#[derive(Clone, Debug)]
pub struct SoftModel {
    pub roles: Vec<Role>,
    pub off: Option<SoftRule>,
    pub evictions: u8,
    /// True if the token is on another node than the entry.
    pub is_cluster: bool,
}

impl SoftModel {
    fn is_off(&self, rule: SoftRule) -> bool {
        self.off == Some(rule)
    }
}
