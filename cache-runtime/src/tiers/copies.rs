//! Copies in memory of entries in Redis.
//!
//! A copy depends on the generations that were noted before the read of Redis. A later invalidation makes it
//! stale, whether this process made it or received it over the feed. It ends with its entry in Redis, and at
//! `memory_ttl`.

use std::time::Duration;

use super::key::CallKey;
use super::policy::{Weigh, fresh_for_ms};
use crate::coherence::generation::{GenerationSnapshot, Storing};
use crate::config::Ttl;
use crate::memory::{EntryMeta, Hit, KnownWeight, Made, Unkept};
use crate::stats::seldom::Reason;
use crate::support::clock::micros;
use crate::support::clock::millis;
use crate::support::panics::unless_panicking;
use crate::tiers::core::{Core, DIRECT};
use crate::value::ValueRef;

/// The metadata of an entry that is copied into memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Original {
    pub(crate) origin: u64,
    pub(crate) age_ms: u64,
    pub(crate) fresh_for_ms: u64,
    pub(crate) load_micros: u64,
    pub(crate) weight: KnownWeight,
}

impl Original {
    /// Returns the metadata of a value that has just been stored.
    pub(crate) fn new(origin: u64, ttl: Ttl, took: Duration, weight: KnownWeight) -> Self {
        let (fresh_for_ms, load_micros) = (fresh_for_ms(ttl), micros(took));
        Original { origin, age_ms: 0, fresh_for_ms, load_micros, weight }
    }

    pub(crate) fn of<V>(hit: &Hit<V>, origin: u64, weight: KnownWeight) -> Self {
        let Hit { age_ms, fresh_for_ms, load_micros, .. } = *hit;
        Original { origin, age_ms, fresh_for_ms, load_micros, weight }
    }
}

impl Core {
    /// Keeps a copy, if no dependency of the entry has been invalidated since `snapshot`.
    pub(crate) fn keep_copy(
        &self,
        key: &CallKey,
        snapshot: &GenerationSnapshot,
        original: Original,
        value: ValueRef<'_>,
    ) {
        let name = || key.name().as_str();
        if let Some(made) = self.copy(key, snapshot, original, value) {
            self.place(snapshot, made, |storing| {
                self.generations.lease.holds_exactly() && storing.storable(snapshot, name)
            });
        }
    }

    /// Keeps a copy of a value that was put. If it may not be kept, the copy of the previous value is
    /// dropped.
    pub(crate) fn keep_put(
        &self,
        key: &CallKey,
        snapshot: &GenerationSnapshot,
        original: Original,
        value: ValueRef<'_>,
    ) {
        let name = || key.name().as_str();
        let may = |storing: &Storing<'_>| {
            let holds = self.generations.lease.holds_exactly();
            let may = holds && storing.overtake(snapshot, name);
            if may {
                self.memory.retire(&key.memory);
            }
            may
        };
        let made = self.copy(key, snapshot, original, value);
        if made.is_some_and(|made| self.place(snapshot, made, may)) {
            self.generations.replaced(key.slots()[0]);
        } else {
            self.bump([key.slots()[0]]);
        }
    }

    /// Returns the bytes of a value in memory by the `weight` of its function. If there is none or it panics,
    /// returns `None`, and the weight is estimated.
    pub(crate) fn weight(
        &self,
        key: &CallKey,
        weigh: Option<&Weigh>,
        value: ValueRef<'_>,
    ) -> Option<usize> {
        let weigh = weigh?;
        let weight = unless_panicking(|| weigh(value));
        if weight.is_none() {
            self.say_panics(key, "weight");
        }
        weight
    }

    fn say_panics(&self, key: &CallKey, what: &'static str) {
        let (function, name) = (key.function(), key.name().as_str());
        self.seldom(function.unwrap_or(DIRECT), Reason::Panics(what), |times| {
            tracing::warn!(
                function,
                name,
                times,
                "`{what}` panics, so a value is not kept in memory; fix it"
            );
        });
    }

    /// Makes a copy; `None` if it is too large for memory, or its code panics.
    fn copy(
        &self,
        key: &CallKey,
        snapshot: &GenerationSnapshot,
        original: Original,
        value: ValueRef<'_>,
    ) -> Option<Made> {
        let Original { origin, age_ms, fresh_for_ms, load_micros, weight } = original;
        let now_ms = self.clock.now_ms();
        let left_ms = fresh_for_ms.saturating_sub(age_ms).min(millis(self.config.memory_ttl));
        let meta = EntryMeta {
            origin,
            created_ms: now_ms.saturating_sub(age_ms),
            fresh_for_ms,
            ends_ms: now_ms.saturating_add(left_ms),
            stamps: snapshot.stamps.clone(),
        };
        let load_micros = u32::try_from(load_micros).unwrap_or(u32::MAX);
        match value.entry(&self.memory, key.memory.clone(), meta, load_micros, weight) {
            Ok(made) => Some(made),
            Err(Unkept::Panics(type_name)) => {
                self.say_panics(key, type_name);
                None
            }
            Err(Unkept::Value { .. } | Unkept::Entry { .. }) => None,
        }
    }
}
