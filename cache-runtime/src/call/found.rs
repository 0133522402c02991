//! Values that a call has found, and the outputs that are served from them.

use crate::memory::Hit;
use crate::output::{BoxedError, SharedFailure};
use crate::tiers::origin::{Origin, Source};
use crate::value::Value;

use crate::tiers::examine::At;

/// An output, with its origin, for a caller that has not run its body, or whose body has failed.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) output: Output,
    pub(crate) origin: Origin,
}

/// An output whose type is not known.
pub(crate) type Output = Result<Value, Failure>;

/// An error whose type is not known.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The error of another caller's load.
    Shared(SharedFailure),
    /// The error of this caller's own load, which ran in a task.
    Own(BoxedError),
}

impl Served {
    pub(crate) fn found(found: FoundValue) -> Self {
        Served { origin: found.origin(), output: Ok(found.hit.value) }
    }
}

/// A value that a store holds.
#[derive(Debug)]
pub(crate) struct FoundValue {
    pub(crate) hit: Hit<Value>,
    pub(crate) source: Source,
    pub(super) version: Version,
}

/// Identifies one of the values that a store held under one key at different times.
#[derive(Clone, Copy, Debug)]
pub(super) enum Version {
    /// The entry in Redis.
    Redis(At),
    /// The age in milliseconds of the entry in memory.
    Memory(u64),
}

impl Version {
    /// Returns the place of the entry in Redis: 0 under the name, else beside it.
    pub(super) fn place(self) -> u8 {
        match self {
            Version::Redis(at) => at.place,
            Version::Memory(_) => 0,
        }
    }
}

impl FoundValue {
    pub(super) fn in_memory(hit: Hit<Value>) -> Self {
        FoundValue { version: Version::Memory(hit.age_ms), hit, source: Source::Memory }
    }

    pub(super) fn in_redis(hit: Hit<Value>, at: At) -> Self {
        FoundValue { hit, source: Source::Redis, version: Version::Redis(at) }
    }

    /// Returns true if its TTL is over.
    pub(super) fn is_stale(&self) -> bool {
        self.hit.stale_for_ms().is_some()
    }

    pub(super) fn origin(&self) -> Origin {
        Origin::of_hit(self.source, &self.hit)
    }
}
