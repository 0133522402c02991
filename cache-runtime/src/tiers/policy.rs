//! The policy of a function: the values that are stored, their life, and the consequences of a slow or failed
//! load.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Jitter, Ttl};
use crate::redis::Life;
use crate::site::Coalesce;
use crate::support::clock::millis;
use crate::support::panics::unless_panicking;
use crate::support::random;
use crate::value::{Coding, ValueRef, ValueType};

/// A test of values of one type.
pub(crate) type Test = Arc<dyn Fn(ValueRef<'_>) -> bool + Send + Sync>;

/// Returns the bytes of memory that a value of one type takes.
pub(crate) type Weigh = Arc<dyn Fn(ValueRef<'_>) -> usize + Send + Sync>;

/// The decisions of a call site, or of a direct caller, about storing.
pub(crate) struct Policy {
    /// The type of the values.
    pub(crate) of: &'static dyn ValueType,
    pub(crate) ttl: Ttl,
    /// The TTL of values that are `None`, if it differs.
    pub(crate) negative_ttl: Option<Ttl>,
    /// Returns true if a value is `None`; absent if this does not matter.
    pub(crate) is_none: Option<Test>,
    pub(crate) cache_none: bool,
    pub(crate) cache_if: Option<Test>,
    pub(crate) weigh: Option<Weigh>,
    pub(crate) jitter: Jitter,
    pub(crate) coding: Coding,
    pub(crate) grace: Grace,
    /// The maximum time that a caller with a stale value waits for a load.
    pub(crate) load_timeout: Option<Duration>,
    /// The time for which an error is remembered.
    pub(crate) error_ttl: Option<Duration>,
    /// The eagerness with which a value is refreshed before its TTL is over; see `call/early.rs`.
    pub(crate) early_refresh: f64,
    /// True if a load goes on without its caller.
    pub(crate) detached: bool,
    pub(crate) coalesce: Coalesce,
}

/// The time past its TTL for which a value may be served, in milliseconds; `u64::MAX` is for ever.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Grace {
    /// The time for which it may be served while it is refreshed.
    pub(crate) while_revalidate_ms: u64,
    /// The time for which it may be served when a load fails.
    pub(crate) if_error_ms: u64,
}

impl Grace {
    pub(crate) fn longest_ms(self) -> u64 {
        self.while_revalidate_ms.max(self.if_error_ms)
    }

    /// Returns the time for which a value is kept whose TTL is `ttl`.
    pub(crate) fn after(self, ttl: Ttl) -> Ttl {
        match (ttl, self.longest_ms()) {
            (Ttl::Forever, _) | (_, u64::MAX) => Ttl::Forever,
            (Ttl::For(ttl), grace) => Ttl::For(ttl.saturating_add(Duration::from_millis(grace))),
        }
    }
}

/// The reason for which a value is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The options of its function refuse it.
    Unwanted,
    /// Its `cache_if` panics.
    Panics,
}

impl Policy {
    pub(crate) fn new(of: &'static dyn ValueType, ttl: Ttl, jitter: Jitter) -> Self {
        Policy {
            of,
            ttl,
            negative_ttl: None,
            is_none: None,
            cache_none: true,
            cache_if: None,
            weigh: None,
            jitter,
            coding: Coding::default(),
            grace: Grace::default(),
            load_timeout: None,
            error_ttl: None,
            early_refresh: 0.0,
            detached: false,
            coalesce: Coalesce::Process,
        }
    }

    /// Returns the time past its TTL for which this value may be served. It is zero for a `None` that has a
    /// TTL of its own: this TTL limits the time for which the absence is trusted.
    pub(crate) fn grace_of(&self, value: ValueRef<'_>) -> Grace {
        if self.negative_ttl.is_some() && self.is_none(value) {
            return Grace::default();
        }
        self.grace
    }

    fn is_none(&self, value: ValueRef<'_>) -> bool {
        self.is_none.as_ref().is_some_and(|is_none| is_none(value))
    }

    /// Returns the time for which this value will be fresh.
    ///
    /// # Errors
    /// Returns the reason for which the value is not stored.
    pub(crate) fn life(&self, value: ValueRef<'_>) -> Result<Ttl, Refusal> {
        if let Some(wanted) = &self.cache_if {
            // R3: a panic in the expression must not fail the caller, which has the value.
            match unless_panicking(|| wanted(value)) {
                Some(true) => {}
                Some(false) => return Err(Refusal::Unwanted),
                None => return Err(Refusal::Panics),
            }
        }
        let none = self.is_none(value);
        if none && !self.cache_none {
            return Err(Refusal::Unwanted);
        }
        let ttl = self.negative_ttl.filter(|_| none).unwrap_or(self.ttl);
        Ok(self.jitter.shorten(ttl, random::cheap()))
    }

    /// Returns the maximum time for which any of its values may be kept.
    pub(crate) fn longest(&self) -> Ttl {
        let ttl = match (self.ttl, self.negative_ttl) {
            (Ttl::For(ttl), Some(Ttl::For(negative))) => Ttl::For(ttl.max(negative)),
            (ttl, None) => ttl,
            _ => Ttl::Forever,
        };
        self.grace.after(ttl)
    }
}

/// Returns a TTL as the life of a key in Redis.
pub(crate) fn life_of(ttl: Ttl) -> Life {
    ttl.duration().map_or(Life::Forever, Life::For)
}

/// Returns a TTL as the number of milliseconds in an entry.
pub(crate) fn fresh_for_ms(ttl: Ttl) -> u64 {
    ttl.duration().map_or(u64::MAX, millis)
}
