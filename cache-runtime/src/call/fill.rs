//! Storing the value of a load, in memory or in Redis.

use std::sync::Arc;
use std::time::Duration;

use super::Call;
use crate::coherence::generation::GenerationSnapshot;
use crate::config::Ttl;
use crate::flight::Leader;
use crate::memory::{EntryMeta, KnownWeight};
use crate::redis::{By, FillOutcome, FillTicket, Life, RedisStore, Unavailable};
use crate::support::boxed::boxed;
use crate::tiers::copies::Original;
use crate::tiers::core::Stores;
use crate::tiers::dependencies::{Brought, Dependencies};
use crate::tiers::filling::{FilledEntry, Making, fill};
use crate::tiers::inherited::Inherited;
use crate::tiers::key::CallKey;
use crate::tiers::policy::{fresh_for_ms, life_of};
use crate::tiers::store_outcome::StoreOutcome;
use crate::value::ValueRef;

/// Returns the snapshot of a load in memory with the dependencies that its value brings. The flight must be sealed.
///
/// # Errors
/// The reason for which the value must not be stored, or be served to followers.
pub(super) fn depend_in_memory(
    call: &Call,
    snapshot: GenerationSnapshot,
    value: ValueRef<'_>,
    inherited: Option<&Inherited>,
) -> Result<GenerationSnapshot, StoreOutcome> {
    let Call { core, key, counters, policy, .. } = call;
    if !policy.derives() {
        return Ok(snapshot);
    }
    let refused = |refusal| core.refused(key, counters, refusal);
    let tags = &policy.derived_tags(value).map_err(refused)?[..];
    let depended = core.depend_in_memory(key, snapshot, Brought { tags, inherited });
    depended.map_err(|reason| core.untraced(key, counters, reason))
}

/// The right of a load to store its value in memory.
pub(super) struct MemoryFill<'a> {
    pub(super) call: &'a Call,
    pub(super) snapshot: &'a GenerationSnapshot,
    pub(super) inherited: Option<&'a Inherited>,
}

impl MemoryFill<'_> {
    /// Stores the value, for at most `limit` if there is one.
    pub(super) fn store(
        &self,
        value: ValueRef<'_>,
        took: Duration,
        limit: Option<Duration>,
    ) -> StoreOutcome {
        let MemoryFill { call, snapshot, inherited } = *self;
        let core = &call.core;
        let ttl = match core.life(&call.policy, value, inherited) {
            Ok(ttl) => ttl,
            Err(refusal) => {
                call.loses_dependencies();
                return core.refused(&call.key, &call.counters, refusal);
            }
        };
        let ttl = match limit {
            Some(limit) => Ttl::For(ttl.duration().map_or(limit, |ttl| ttl.min(limit))),
            None => ttl,
        };
        if let Some(heir) = &call.heir {
            heir.add_stamps(&snapshot.stamps, core.ends_ms(fresh_for_ms(ttl)));
        }
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
        StoreOutcome::Stored(ttl)
    }
}

/// The right of a load to store its value in Redis.
pub(super) struct RedisFill {
    pub(super) call: Arc<Call>,
    pub(super) leader: Leader<CallKey>,
    dependencies: Dependencies,
    /// The dependencies that the body has taken over.
    inherited: Option<Arc<Inherited>>,
    /// The reason for which no value may be stored, or be served to followers, if there is one.
    refusal: Option<StoreOutcome>,
}

/// A value on its way to Redis.
pub(super) struct PreparedFill {
    /// The entry and its life, or the reason for which there is none.
    entry: Result<(FilledEntry, Life), StoreOutcome>,
    ttl: Ttl,
}

impl PreparedFill {
    /// Returns the entry and its life, if there is something to store.
    pub(super) fn entry(&self) -> Option<(&[u8], Life)> {
        self.entry.as_ref().ok().map(|(entry, life)| (&entry.bytes[..], *life))
    }
}

impl RedisFill {
    pub(super) fn new(
        call: Arc<Call>,
        leader: Leader<CallKey>,
        key: Arc<CallKey>,
        ticket: FillTicket,
        inherited: Option<Arc<Inherited>>,
    ) -> Self {
        let dependencies = Dependencies { key, ticket, snapshot: Some(leader.snapshot()) };
        RedisFill { call, leader, dependencies, inherited, refusal: None }
    }

    /// Adds the dependencies that the value brings. The flight must be sealed: no caller that joins later is served a
    /// value whose tags were checked before.
    pub(super) async fn depend_on(&mut self, redis: &RedisStore, value: ValueRef<'_>) {
        if self.call.policy.derives() {
            self.refusal = boxed(|| self.add_dependencies(redis, value)).await.err();
        }
    }

    async fn add_dependencies(
        &mut self,
        redis: &RedisStore,
        value: ValueRef<'_>,
    ) -> Result<(), StoreOutcome> {
        let Call { core, key, counters, policy, .. } = &*self.call;
        let refused = |refusal| core.refused(key, counters, refusal);
        let tags = &policy.derived_tags(value).map_err(refused)?[..];
        let brought = Brought { tags, inherited: self.inherited.as_deref() };
        let added = self.dependencies.add(core, redis, brought, life_of(policy.longest())).await;
        added.map_err(|reason| core.untraced(key, counters, reason))
    }

    /// Returns the key of the entry, with all of its tags.
    pub(super) fn key(&self) -> &CallKey {
        &self.dependencies.key
    }

    /// Returns the right to store, with the tokens of all tags.
    pub(super) fn ticket(&self) -> &FillTicket {
        &self.dependencies.ticket
    }

    /// Stores the value, if its policy permits it and nothing has changed meanwhile. `FillOutcome::Stored`
    /// means that the value was valid when Redis checked it.
    pub(super) async fn store(
        &mut self,
        redis: &RedisStore,
        value: ValueRef<'_>,
        took: Duration,
    ) -> (Option<FillOutcome>, StoreOutcome) {
        self.depend_on(redis, value).await;
        let (key, ticket) = (self.key(), self.ticket());
        let prepared = self.prepare(redis, value, took);
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
    pub(super) fn prepare(
        &self,
        redis: &RedisStore,
        value: ValueRef<'_>,
        took: Duration,
    ) -> PreparedFill {
        let call = &self.call;
        if let Some(refusal) = self.refusal {
            call.loses_dependencies();
            return PreparedFill { entry: Err(refusal), ttl: Ttl::Forever };
        }
        let ttl = match call.core.life(&call.policy, value, self.inherited.as_deref()) {
            Ok(ttl) => ttl,
            Err(refusal) => {
                call.loses_dependencies();
                let outcome = call.core.refused(&call.key, &call.counters, refusal);
                return PreparedFill { entry: Err(outcome), ttl: Ttl::Forever };
            }
        };
        self.tell_heir(ttl);
        let life = || life_of(call.policy.grace_of(value).after(ttl));
        PreparedFill {
            entry: self.entry(redis, value, ttl, took).map(|entry| (entry, life())),
            ttl,
        }
    }

    /// Returns the end of a load that has found no value.
    pub(super) fn prepare_none(&self) -> PreparedFill {
        match self.inherited {
            // That there is none may follow from what the body has read.
            Some(_) => self.call.loses_dependencies(),
            None => self.tell_heir(Ttl::Forever),
        }
        PreparedFill { entry: Err(StoreOutcome::Absent), ttl: Ttl::Forever }
    }

    /// Passes the dependencies of the value to the body that makes the call, if that inherits them.
    fn tell_heir(&self, ttl: Ttl) {
        if let Some(heir) = &self.call.heir {
            let Dependencies { key, ticket, snapshot } = &self.dependencies;
            let ends_ms = self.call.core.ends_ms(fresh_for_ms(ttl));
            heir.add_loaded(key, &ticket.tokens, snapshot.as_ref(), ends_ms);
        }
    }

    /// Returns true if Redis is asked to end a load that stores nothing: if a caller waits for the outcome that
    /// a store would have had, or the placeholder has to be removed.
    pub(super) fn asks(&self, prepared: &PreparedFill) -> bool {
        self.stays_here(prepared) || self.leader.awaited() || self.ticket().is_mine()
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
        let call = &self.call;
        let copy = |measured: Option<usize>| {
            if let Some(value) = value.filter(|_| call.stores == Stores::Tiered) {
                // The size has been measured before: a value over the limit does not reach this point.
                let weight = call.weight(value).or(measured);
                let weight = weight.map_or(KnownWeight::Unknown, KnownWeight::Measured);
                let original = Original::new(call.key.origin, prepared.ttl, took, weight);
                if let Some(snapshot) = &self.dependencies.snapshot {
                    call.core.keep_copy(&call.key, snapshot, original, value);
                }
            }
        };
        let stored = matches!(filled, Some(Ok(FillOutcome::Stored)));
        let stays_here = self.stays_here(&prepared);
        let filled = match self.refusal {
            // The followers may have joined after an invalidation.
            Some(_) => filled.map(|filled| filled.map(|_| FillOutcome::Outdated)),
            None => filled,
        };
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
        let outcome = StoreOutcome::of_fill(&filled, prepared.ttl);
        (filled.ok(), outcome)
    }

    /// Returns the value as an entry.
    ///
    /// # Errors
    /// The reason for which it cannot be stored.
    fn entry(
        &self,
        redis: &RedisStore,
        value: ValueRef<'_>,
        ttl: Ttl,
        took: Duration,
    ) -> Result<FilledEntry, StoreOutcome> {
        let (call, key, ticket) = (&self.call, self.key(), self.ticket());
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
