//! Copies in memory of what Redis holds.
//!
//! A copy depends on the generations that were noted before Redis was asked: what is invalidated
//! after that makes it stale, be it by this process or heard over the feed. It ends with its entry
//! in Redis, and at `memory_ttl`.

use std::time::Duration;

use super::{CallKey, fresh_for_ms, micros};
use crate::clock::millis;
use crate::config::Ttl;
use crate::core::Core;
use crate::generation::{Noted, Stamps};
use crate::memory::{Facts, Hit};
use crate::value::AnyValue;

/// What is known of an entry that is to be copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Original {
    pub(crate) origin: u64,
    pub(crate) age_ms: u64,
    pub(crate) fresh_for_ms: u64,
    pub(crate) load_micros: u64,
}

impl Original {
    /// Of a value that has just been stored.
    pub(crate) fn new(origin: u64, ttl: Ttl, took: Duration) -> Self {
        let (fresh_for_ms, load_micros) = (fresh_for_ms(ttl), micros(took));
        Original { origin, age_ms: 0, fresh_for_ms, load_micros }
    }

    pub(crate) fn of<V>(hit: &Hit<V>, origin: u64) -> Self {
        let Hit { age_ms, fresh_for_ms, load_micros, .. } = *hit;
        Original { origin, age_ms, fresh_for_ms, load_micros }
    }
}

impl Core {
    /// Keeps a copy, if nothing has been invalidated since `noted`.
    pub(crate) fn keep_copy(
        &self,
        key: &CallKey,
        noted: &Noted,
        original: Original,
        value: &dyn AnyValue,
    ) {
        let storing = self.generations.storing();
        let name = || key.name().as_str();
        if self.generations.lease.holds_exactly() && storing.storable(noted, name) {
            self.insert_copy(key, noted.stamps.clone(), original, value);
        }
    }

    /// Keeps a copy of what has been put in the place of whatever was there.
    pub(crate) fn keep_put(
        &self,
        key: &CallKey,
        noted: &Noted,
        original: Original,
        value: &dyn AnyValue,
    ) {
        let storing = self.generations.storing();
        match storing.overtake(noted, key.slots()[0], || key.name().as_str()) {
            Some(stamps) if self.generations.lease.holds_exactly() => {
                self.insert_copy(key, stamps, original, value);
            }
            Some(_) => {}
            None => self.bump([key.slots()[0]]),
        }
    }

    fn insert_copy(&self, key: &CallKey, stamps: Stamps, original: Original, value: &dyn AnyValue) {
        let Original { origin, age_ms, fresh_for_ms, load_micros } = original;
        let now_ms = self.clock.now_ms();
        let left_ms = fresh_for_ms.saturating_sub(age_ms).min(millis(self.config.memory_ttl));
        let facts = Facts {
            origin,
            created_ms: now_ms.saturating_sub(age_ms),
            fresh_for_ms,
            ends_ms: now_ms.saturating_add(left_ms),
            stamps,
        };
        let load_micros = u32::try_from(load_micros).unwrap_or(u32::MAX);
        // What is too large for memory is in Redis.
        let _ = value.keep(&self.memory, key.memory.clone(), facts, load_micros);
    }
}
