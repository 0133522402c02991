//! The numbers that are counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Serialize, Serializer};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Numbers of one call site, or of all.
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub struct Counts {
            /// Calls answered from the memory store.
            pub memory_hits: u64,
            $($(#[$doc])* pub $name: u64,)*
            /// Microseconds of load time that hits have saved, from the measured load times.
            pub saved_micros: u64,
            /// The cost that was saved: the call site's `cost` for each hit, and for each caller that
            /// waited for another caller's load.
            pub saved_cost: f64,
        }

        /// The numbers that are counted off the hit path.
        #[derive(Debug, Default)]
        pub(crate) struct Slow { $(pub(crate) $name: Counter,)* pub(crate) saved_micros: Counter }

        impl Slow {
            pub(super) fn read(&self) -> Counts {
                Counts {
                    memory_hits: 0,
                    $($name: self.$name.get(),)*
                    saved_micros: self.saved_micros.get(),
                    saved_cost: 0.0,
                }
            }
        }

        impl Counts {
            pub(super) fn combine(self, other: Counts, op: fn(u64, u64) -> u64) -> Counts {
                Counts {
                    memory_hits: op(self.memory_hits, other.memory_hits),
                    $($name: op(self.$name, other.$name),)*
                    saved_micros: op(self.saved_micros, other.saved_micros),
                    saved_cost: self.saved_cost,
                }
            }

            pub(super) fn fields(&self) -> Vec<(&'static str, u64)> {
                vec![
                    ("memory_hits", self.memory_hits),
                    $((stringify!($name), self.$name),)*
                    ("saved_micros", self.saved_micros),
                ]
            }

            pub(super) fn field(&mut self, name: &str) -> Option<&mut u64> {
                match name {
                    "memory_hits" => Some(&mut self.memory_hits),
                    $(stringify!($name) => Some(&mut self.$name),)*
                    "saved_micros" => Some(&mut self.saved_micros),
                    _ => None,
                }
            }
        }
    };
}

counts! {
    /// Calls answered from Redis, including those that shared another call's read.
    redis_hits,
    /// Calls that found no fresh value: they loaded, or waited for a load.
    misses,
    /// Runs of a body to fill the cache.
    loads,
    /// Those that returned an error.
    load_errors,
    /// Loads that had to wait, because of the limit of their `source` or `max_loads`.
    queued,
    /// Microseconds for which these have waited.
    waited_micros,
    /// Loads that were given up instead of waiting (`shed`). They are not among the failed ones.
    shed,
    /// Microseconds spent in loads.
    load_micros,
    /// Runs of the body of a function of many keys that have returned values. They are among the loads.
    batches,
    /// Keys that these have loaded.
    batch_keys,
    /// Calls that waited for another caller's load instead of loading.
    coalesced,
    /// Calls answered by an error that a load has returned lately (`error_ttl`).
    error_hits,
    /// Values served past their TTL.
    stale_served,
    /// Refreshes: loads, in the background or in a caller, while the previous value was served.
    refreshes,
    /// Loads after the end of a TTL whose value was compared with the previous one: one in eight, if memory still holds
    /// that one.
    reloads_compared,
    /// Those whose value had not changed.
    reloads_unchanged,
    /// Values that `still_current` has confirmed, and that were stored again without a run of the body.
    revalidated,
    /// Answers of `still_current` that the value has changed: the body ran.
    revalidation_changes,
    /// Values that `still_current` has confirmed, and that were not stored again, mostly because an invalidation or
    /// another load came first.
    revalidations_refused,
    /// Values stored.
    stores,
    /// Values that were not stored because an invalidation or another load came first.
    refused,
    /// Values that were not stored because they exceed the size limit or the code of their type panics,
    /// and calls that were not cached because they have no key.
    not_stored,
    /// Entries that have left memory because the store, or the `max_memory` or `max_entries` of the function, had no
    /// room for them.
    evictions,
    /// Values that were not stored in Redis because Redis would not return them unchanged.
    lossy,
    /// Entries found that could not be decoded exactly.
    decode_failures,
    /// Verified hits whose value equals that of the source (`verify`).
    verified_consistent,
    /// Verified hits whose value differs from that of the source, which a second look has confirmed.
    verified_inconsistent,
    /// Verifications without a result, because the entry was invalidated or replaced, or has expired meanwhile.
    verified_raced,
    /// Verifications without a result, because two runs of the body have returned different values.
    verified_unstable,
    /// Verifications without a result, because the body has failed or panicked, or has taken too long.
    verified_failed,
    /// Calls that bypassed the cache: by `bypass_if`, because their function is switched off, or because the
    /// mode is `off`.
    bypassed,
}

impl Counts {
    /// Calls answered from a store.
    pub fn hits(&self) -> u64 {
        self.memory_hits.saturating_add(self.redis_hits)
    }

    /// Returns the fraction of hits among hits and misses, `0.0 ..= 1.0`; zero before the first call.
    pub fn hit_rate(&self) -> f64 {
        let calls = self.hits().saturating_add(self.misses);
        if calls == 0 { 0.0 } else { self.hits() as f64 / calls as f64 }
    }

    /// Returns the mean time of a load.
    pub fn mean_load(&self) -> Duration {
        Duration::from_micros(self.load_micros.checked_div(self.loads).unwrap_or(0))
    }

    /// Returns the mean number of keys that a body of a function of many keys has loaded; zero before the first.
    pub fn mean_batch(&self) -> f64 {
        if self.batches == 0 { 0.0 } else { self.batch_keys as f64 / self.batches as f64 }
    }

    /// Returns the fraction of verified hits whose value equals that of the source, `0.0 ..= 1.0`; `None` if there
    /// are none.
    pub fn consistency(&self) -> Option<f64> {
        let results = self.verified_consistent.saturating_add(self.verified_inconsistent);
        (results > 0).then(|| self.verified_consistent as f64 / results as f64)
    }

    /// Returns the load time that hits have saved.
    pub fn time_saved(&self) -> Duration {
        Duration::from_micros(self.saved_micros)
    }

    /// Returns the sum of both.
    #[must_use]
    pub fn plus(self, other: Counts) -> Counts {
        let sum = self.combine(other, u64::saturating_add);
        Counts { saved_cost: self.saved_cost + other.saved_cost, ..sum }
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.fields() {
            map.serialize_entry(name, &value)?;
        }
        map.serialize_entry("saved_cost", &self.saved_cost)?;
        map.serialize_entry("hits", &self.hits())?;
        map.serialize_entry("hit_rate", &self.hit_rate())?;
        map.end()
    }
}

/// A number that any thread may raise.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    ever: AtomicU64,
    zero: AtomicU64,
}

impl Counter {
    pub(crate) fn add(&self, by: u64) {
        self.ever.fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }

    pub(crate) fn get(&self) -> u64 {
        self.ever().saturating_sub(self.zero.load(Ordering::Relaxed))
    }

    /// Returns the count since the start of the process, which a reset does not change.
    pub(crate) fn ever(&self) -> u64 {
        self.ever.load(Ordering::Relaxed)
    }

    pub(crate) fn reset(&self) {
        self.zero.store(self.ever(), Ordering::Relaxed);
    }
}
