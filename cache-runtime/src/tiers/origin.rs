//! The sources of outputs.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::config::Ttl;
use crate::memory::Hit;

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
    /// The function's body, run by this call without the cache: see [`BypassReason`](crate::BypassReason). Only
    /// [`observe`](crate::observe) distinguishes it from [`Load`](Source::Load).
    Bypass,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Memory => "memory",
            Source::Redis => "redis",
            Source::Load => "load",
            Source::Shared => "shared",
            Source::Bypass => "bypass",
        })
    }
}

/// The source of an output, and the state of its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) source: Source,
    pub(crate) age: Duration,
    /// True if its TTL has ended.
    pub(crate) stale: bool,
    /// The rest of its TTL; `None` if no value is stored.
    pub(crate) remaining: Option<Ttl>,
}

impl Origin {
    pub(crate) fn new(source: Source) -> Self {
        Origin { source, age: Duration::ZERO, stale: false, remaining: None }
    }

    /// Returns the origin of a value that a store has answered with.
    pub(crate) fn of_hit<V>(source: Source, hit: &Hit<V>) -> Self {
        let remaining = match hit.fresh_for_ms {
            u64::MAX => Ttl::Forever,
            _ => Ttl::For(Duration::from_millis(hit.left_ms())),
        };
        let age = Duration::from_millis(hit.age_ms);
        let stale = hit.stale_for_ms().is_some();
        Origin { source, age, stale, remaining: Some(remaining) }
    }

    /// Returns the origin of a value that has just been stored with this TTL, if it has.
    pub(crate) fn stored(source: Source, ttl: Option<Ttl>) -> Self {
        Origin { remaining: ttl, ..Origin::new(source) }
    }
}
