//! The reason for which a call bypasses the cache.

use std::fmt;

use serde::Serialize;

/// The reason for which a call has neither read nor stored: its [source](crate::ObservedCall::source) is
/// [`Bypass`](crate::Source::Bypass).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BypassReason {
    /// Its `bypass_if` is true.
    Condition,
    /// It was made by `.cache_entry().bypass()`.
    Requested,
    /// Its function is switched off, or the mode of the cache is `off`.
    Off,
    /// Its key, a tag, a TTL or a `Clone` of its value cannot be used. An error is logged.
    NoEntry,
    /// Other arguments have the same key. An error is logged.
    Alike,
    /// It depends on an invalidation that is pending in its [transaction](crate::deferred).
    Uncommitted,
    /// It has no cached value, and its transaction has a pending invalidation, or reads a snapshot.
    ReadsOnly,
    /// The body of its own entry makes it.
    Recursion,
    /// Its load in a task of its own has ended without an output, so it has run its body itself.
    Cancelled,
}

impl BypassReason {
    fn as_str(self) -> &'static str {
        match self {
            BypassReason::Condition => "bypass_if",
            BypassReason::Requested => "requested",
            BypassReason::Off => "off",
            BypassReason::NoEntry => "no entry",
            BypassReason::Alike => "alike",
            BypassReason::Uncommitted => "uncommitted",
            BypassReason::ReadsOnly => "reads only",
            BypassReason::Recursion => "recursion",
            BypassReason::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for BypassReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
