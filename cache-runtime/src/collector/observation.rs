//! The calls of an observed future.

use std::time::Duration;

use serde::Serialize;

use super::call::ObservedCall;
use crate::config::Ttl;
use crate::tiers::origin::Source;

/// The calls of cached functions that an [observed](crate::observe) future has made.
///
/// Its `Display` is a table for people, with the calls of a body below that of its function. It serialises as a map of
/// `calls` and `omitted`.
///
/// # Patterns
///
/// A pattern is the name of a function (`get_video`, with or without its path), of an entry (`video:42`), or of one of its
/// prefixes or tags (`video`): see [`ObservedCall::is_about`].
#[derive(Clone, Debug, Default, Serialize)]
pub struct Observation {
    calls: Vec<ObservedCall>,
    omitted: u64,
}

impl Observation {
    pub(super) fn new(calls: Vec<ObservedCall>, omitted: u64) -> Self {
        Observation { calls, omitted }
    }

    /// Returns the calls in the order in which they have ended. So the calls that a body makes precede that of its
    /// function.
    pub fn calls(&self) -> &[ObservedCall] {
        &self.calls
    }

    /// Returns the calls that the [pattern](Observation#patterns) matches.
    #[must_use]
    pub fn of(&self, pattern: &str) -> Observation {
        let calls = self.calls.iter().filter(|call| call.is_about(pattern)).cloned().collect();
        Observation { calls, omitted: self.omitted }
    }

    /// Returns the number of recorded calls.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Returns true if there are no calls.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Returns the number of further calls: 10,000 are recorded.
    pub fn omitted(&self) -> u64 {
        self.omitted
    }

    /// Returns the number of calls whose output has this source.
    pub fn count(&self, source: Source) -> usize {
        self.calls.iter().filter(|call| call.source() == source).count()
    }

    /// Returns true if a store has answered a call that the [pattern](Observation#patterns) matches.
    pub fn hit(&self, pattern: &str) -> bool {
        self.calls.iter().any(|call| call.is_hit() && call.is_about(pattern))
    }

    /// Returns true if a call that the [pattern](Observation#patterns) matches has loaded its value: it has run the body
    /// itself, for the cache.
    pub fn loaded(&self, pattern: &str) -> bool {
        let loaded = |call: &&ObservedCall| call.source() == Source::Load;
        self.calls.iter().filter(loaded).any(|call| call.is_about(pattern))
    }

    /// Returns the age of the oldest value, if there are calls.
    pub fn max_age(&self) -> Option<Duration> {
        self.calls.iter().map(ObservedCall::age).max()
    }

    /// Returns the least rest of a TTL: for this time, the same calls would be answered from the cache, unless something is
    /// invalidated. Returns `None` if that is unknown: there are no calls, one of them has no stored value, or calls were
    /// [omitted](Observation::omitted).
    pub fn remaining(&self) -> Option<Ttl> {
        if self.omitted > 0 {
            return None;
        }
        let all: Option<Vec<Ttl>> = self.calls.iter().map(ObservedCall::remaining).collect();
        all?.into_iter().min_by_key(|ttl| ttl.duration().unwrap_or(Duration::MAX))
    }
}
