//! Storing the value of a load, in memory or in Redis.

use std::time::Duration;

use super::Call;
use crate::coherence::generation::GenerationSnapshot;
use crate::config::Ttl;
use crate::flight::Leader;
use crate::memory::{EntryMeta, KnownWeight};
use crate::redis::{By, FillOutcome, FillTicket, Life, RedisStore, Unavailable};
use crate::tiers::copies::Original;
use crate::tiers::core::Stores;
use crate::tiers::filling::{FilledEntry, Making, fill};
use crate::tiers::key::CallKey;
use crate::tiers::policy::{fresh_for_ms, life_of};
use crate::tiers::store_outcome::StoreOutcome;
use crate::value::ValueRef;

/// Stores the value in memory, for at most `limit` if there is one.
pub(super) fn store_in_memory(
    call: &Call,
    snapshot: &GenerationSnapshot,
    value: ValueRef<'_>,
    took: Duration,
    limit: Option<Duration>,
) -> StoreOutcome {
    let ttl = match call.policy.life(value) {
        Ok(ttl) => ttl,
        Err(refusal) => return call.core.refused(&call.key, &call.counters, refusal),
    };
    let ttl = match limit {
        Some(limit) => Ttl::For(ttl.duration().map_or(limit, |ttl| ttl.min(limit))),
        None => ttl,
    };
    let core = &call.core;
    let load_micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
    let (now_ms, stamps) = (core.clock.now_ms(), snapshot.stamps.clone());
    let meta = EntryMeta::new(call.key.origin, now_ms, fresh_for_ms(ttl), stamps);
    let (key, weight) = (call.key.memory.clone(), call.weight(value));
    let made = match value.entry(&core.memory, key, meta, load_micros, weight.into()) {
        Ok(made) => made,
        Err(unkept) => {
            let error = unkept.error(call.key.name().as_str());
            return core.unfit(&call.key, &call.counters, &error);
        }
    };
    let name = || call.key.name().as_str();
    if !core.place(snapshot, made, |storing| storing.storable(snapshot, name)) {
        call.counters.slow.refused.one();
        return StoreOutcome::Overtaken;
    }
    call.counters.slow.stores.one();
    StoreOutcome::Stored
}

/// The right of a load to store its value in Redis.
pub(super) struct RedisFill<'a> {
    pub(super) call: &'a Call,
    pub(super) redis: &'a RedisStore,
    pub(super) leader: &'a Leader<CallKey>,
    pub(super) key: &'a CallKey,
    pub(super) ticket: &'a FillTicket,
}

/// A value on its way to Redis.
pub(super) struct PreparedFill {
    /// The entry and its life, or the reason for which there is none.
    entry: Result<(FilledEntry, Life), StoreOutcome>,
    ttl: Ttl,
}

impl PreparedFill {
    /// Returns the end of a load that has found no value.
    pub(super) fn of_nothing() -> Self {
        PreparedFill { entry: Err(StoreOutcome::Absent), ttl: Ttl::Forever }
    }

    /// Returns the entry and its life, if there is something to store.
    pub(super) fn entry(&self) -> Option<(&[u8], Life)> {
        self.entry.as_ref().ok().map(|(entry, life)| (&entry.bytes[..], *life))
    }
}

impl RedisFill<'_> {
    /// Stores the value, if its policy permits it and nothing has changed meanwhile. `FillOutcome::Stored`
    /// means that the value was valid when Redis checked it.
    pub(super) async fn store(
        &self,
        value: ValueRef<'_>,
        took: Duration,
    ) -> (Option<FillOutcome>, StoreOutcome) {
        let RedisFill { redis, key, ticket, .. } = *self;
        let prepared = self.prepare(value, took);
        let filled = match prepared.entry() {
            Some((bytes, life)) => Some(fill(redis, key, ticket, bytes, life, By::Load).await),
            None if self.asks(&prepared) => {
                Some(redis.release(key.stored_as(), key.tags(), ticket).await)
            }
            None => None,
        };
        self.conclude(prepared, filled, Some(value), took)
    }

    /// Makes the entry of the value.
    pub(super) fn prepare(&self, value: ValueRef<'_>, took: Duration) -> PreparedFill {
        let call = self.call;
        let ttl = match call.policy.life(value) {
            Ok(ttl) => ttl,
            Err(refusal) => {
                let outcome = call.core.refused(&call.key, &call.counters, refusal);
                return PreparedFill { entry: Err(outcome), ttl: Ttl::Forever };
            }
        };
        let life = || life_of(call.policy.grace_of(value).after(ttl));
        PreparedFill { entry: self.entry(value, ttl, took).map(|entry| (entry, life())), ttl }
    }

    /// Returns true if Redis is asked to end a load that stores nothing: if a caller waits for the outcome that
    /// a store would have had, or the placeholder has to be removed.
    pub(super) fn asks(&self, prepared: &PreparedFill) -> bool {
        self.stays_here(prepared) || self.leader.awaited() || self.ticket.is_mine()
    }

    /// Returns true if the value is kept in memory alone, because Redis would not return it unchanged. The effect
    /// is that of an eviction right after the store.
    fn stays_here(&self, prepared: &PreparedFill) -> bool {
        matches!(prepared.entry, Err(StoreOutcome::Lossy)) && self.call.stores == Stores::Tiered
    }

    /// Ends the load with the reply of Redis, if it was asked. Keeps a copy of a value that is valid.
    pub(super) fn conclude(
        &self,
        prepared: PreparedFill,
        filled: Option<Result<FillOutcome, Unavailable>>,
        value: Option<ValueRef<'_>>,
        took: Duration,
    ) -> (Option<FillOutcome>, StoreOutcome) {
        let RedisFill { call, leader, .. } = *self;
        let copy = |measured: Option<usize>| {
            if let Some(value) = value.filter(|_| call.stores == Stores::Tiered) {
                // The size has been measured before: a value over the limit does not reach this point.
                let weight = call.weight(value).or(measured);
                let weight = weight.map_or(KnownWeight::Unknown, KnownWeight::Measured);
                let original = Original::new(call.key.origin, prepared.ttl, took, weight);
                call.core.keep_copy(&call.key, &leader.snapshot(), original, value);
            }
        };
        let stored = matches!(filled, Some(Ok(FillOutcome::Stored)));
        let stays_here = self.stays_here(&prepared);
        let entry = match prepared.entry {
            Ok((entry, _)) => entry,
            Err(outcome) => {
                if stays_here && stored {
                    copy(None);
                }
                return (filled.and_then(Result::ok), outcome);
            }
        };
        let Some(filled) = filled else { return (None, StoreOutcome::Unavailable) };
        match &filled {
            Ok(FillOutcome::Stored) => {
                call.counters.slow.stores.one();
                copy(entry.weight);
            }
            Ok(FillOutcome::Refused | FillOutcome::Outdated) => call.counters.slow.refused.one(),
            Err(_) => {}
        }
        let outcome = StoreOutcome::from(&filled);
        (filled.ok(), outcome)
    }

    /// Returns the value as an entry.
    ///
    /// # Errors
    /// The reason for which it cannot be stored.
    fn entry(
        &self,
        value: ValueRef<'_>,
        ttl: Ttl,
        took: Duration,
    ) -> Result<FilledEntry, StoreOutcome> {
        let RedisFill { call, redis, key, ticket, .. } = *self;
        let now_ms = redis.now_ms(key.stored_as()).ok_or(StoreOutcome::Unavailable)?;
        let made = Making {
            core: &call.core,
            key,
            coding: call.policy.coding,
            ttl,
            took,
            tokens: &ticket.tokens,
            now_ms,
            weighs: call.stores == Stores::Tiered && call.policy.weigh.is_none(),
        };
        made.entry(value).map_err(|error| call.core.unfit(&call.key, &call.counters, &error))
    }
}
