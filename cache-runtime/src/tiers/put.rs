//! Puts a value in the place of the present one.
//!
//! A put first notes the tokens and the state of its key, as a load does, and stores by compare-and-set. So
//! if the entry changes meanwhile, the later of the two changes wins, and a delayed request never overwrites
//! a newer value.

use std::sync::Arc;
use std::time::Duration;

use crate::coherence::generation::{GenerationSnapshot, Generations};
use crate::config::Ttl;
use crate::error::Error;
use crate::format::entry::StateId;
use crate::memory::{EntryMeta, Identity, KnownWeight, Made};
use crate::redis::{self, BeginOf, By, FillOutcome, Over, Placeholder, RedisStore, Unavailable};
use crate::stats::SiteCounters;
use crate::tiers::copies::Original;
use crate::tiers::core::{Core, Stores};
use crate::tiers::dependencies::{Brought, Dependencies};
use crate::tiers::filling::{Making, fill};
use crate::tiers::inherited::{Inherited, Untraced};
use crate::tiers::invalidate::Targets;
use crate::tiers::key::CallKey;
use crate::tiers::policy::{Grace, Policy, fresh_for_ms, life_of};
use crate::tiers::store_outcome::{PutOutcome, StoreOutcome};
use crate::value::{Coding, ValueRef};

/// The state that was noted before the value was known.
#[derive(Debug)]
pub(crate) struct Put {
    core: Arc<Core>,
    key: Arc<CallKey>,
    snapshot: GenerationSnapshot,
    /// The entries that memory held at that time.
    before: Vec<Identity>,
    stores: Stores,
    by: By,
    /// The state in Redis; `None` if memory is the store.
    redis: Option<Result<redis::FillTicket, Unavailable>>,
}

/// One of the puts that are noted together.
pub(crate) struct PutOf<'a> {
    pub(crate) key: &'a Arc<CallKey>,
    pub(crate) stores: Stores,
    /// The maximum life of the value.
    pub(crate) longest: Ttl,
    /// True if the value may have tags that are not known yet.
    pub(crate) derives: bool,
}

/// A value with its properties.
#[derive(Clone, Copy)]
pub(crate) struct Worth<'a> {
    pub(crate) value: ValueRef<'a>,
    pub(crate) ttl: Ttl,
    /// The time past its TTL for which it is kept.
    pub(crate) grace: Grace,
    pub(crate) coding: Coding,
    /// The bytes of memory that it takes, if they are known.
    pub(crate) weight: Option<usize>,
    /// The duration of its load.
    pub(crate) took: Duration,
    /// The dependencies that it brings.
    pub(crate) brought: Brought<'a>,
}

/// A value that a body has returned.
#[derive(Clone, Copy)]
pub(crate) struct BodyValue<'a> {
    pub(crate) value: ValueRef<'a>,
    pub(crate) took: Duration,
    /// The dependencies that its body has taken over.
    pub(crate) inherited: Option<&'a Inherited>,
}

impl Core {
    /// Notes the state that a put depends on.
    pub(crate) async fn put(self: &Arc<Self>, of: &PutOf<'_>, over: Over<'_>) -> Put {
        let noted = self.put_in_memory(of.key, of.stores);
        let redis = match self.redis_for(of.stores) {
            None => None,
            Some(redis) => {
                let begun = redis.begin(&self.begin_of(of, over)).await;
                Some(begun.and_then(|ticket| complete(ticket, of.key)))
            }
        };
        Put { redis, ..noted }
    }

    /// Notes the states that puts to these keys depend on, with one request for each part of them. The puts are in
    /// the order of the keys.
    pub(crate) async fn put_many(self: &Arc<Self>, keys: &[PutOf<'_>]) -> Vec<Put> {
        // R2: the generations are noted before the tokens, as for one put.
        let mut puts: Vec<_> =
            keys.iter().map(|of| self.put_in_memory(of.key, of.stores)).collect();
        Generations::together(puts.iter_mut().map(|put| &mut put.snapshot));
        let Some(redis) = &self.redis else { return puts };
        let in_redis = || {
            let each = keys.iter().enumerate();
            each.filter(|(_, of)| self.redis_for(of.stores).is_some())
        };
        let begins: Vec<_> = in_redis().map(|(_, of)| self.begin_of(of, Over::Nothing)).collect();
        let tickets = redis.begin_many(&begins).await;
        for ((place, of), ticket) in in_redis().zip(tickets) {
            puts[place].redis = Some(ticket.and_then(|ticket| complete(ticket, of.key)));
        }
        puts
    }

    pub(super) fn begin_of<'a>(&self, of: &PutOf<'a>, over: Over<'a>) -> BeginOf<'a> {
        BeginOf {
            name: of.key.stored_as(),
            tags: of.key.tags(),
            over,
            life: life_of(of.longest),
            placeholder: Placeholder::new(self.config.max_load),
            derives: of.derives,
        }
    }

    /// Notes the state of this process.
    fn put_in_memory(self: &Arc<Self>, key: &Arc<CallKey>, stores: Stores) -> Put {
        let snapshot = self.generations.note(key.slots());
        self.put_from(key, stores, snapshot)
    }

    /// Makes a put from generations that count as noted before the value was known.
    pub(super) fn put_from(
        self: &Arc<Self>,
        key: &Arc<CallKey>,
        stores: Stores,
        snapshot: GenerationSnapshot,
    ) -> Put {
        Put {
            core: Arc::clone(self),
            key: Arc::clone(key),
            snapshot,
            before: self.memory.identities(&key.memory),
            stores,
            by: By::Put,
            redis: None,
        }
    }
}

/// Returns the ticket, if it has a token for each tag of the key.
pub(super) fn complete(
    ticket: redis::FillTicket,
    key: &CallKey,
) -> Result<redis::FillTicket, Unavailable> {
    if ticket.tokens.len() == key.tags().len() + 1 {
        Ok(ticket)
    } else {
        Err(Unavailable::unexpected("a token for each tag"))
    }
}

impl Put {
    /// Adds the state in Redis.
    pub(super) fn with_redis(self, redis: Result<redis::FillTicket, Unavailable>) -> Self {
        Put { redis: Some(redis), ..self }
    }

    /// Marks the value as one of the same data as the replaced one, so the entries beside it stay.
    pub(crate) fn refreshing(self) -> Self {
        Put { by: By::Refresh, ..self }
    }

    /// Stores the value, if the entry has not changed meanwhile.
    ///
    /// # Errors
    /// Returns the reason for which the value cannot be stored. Nothing has been changed then.
    pub(crate) async fn store(&self, worth: &Worth<'_>) -> Result<PutOutcome, Error> {
        let Some(ticket) = &self.redis else {
            return self.store_in_memory(worth);
        };
        let redis = self.core.redis.as_ref();
        let now_ms = redis.and_then(|redis| redis.now_ms(self.key.stored_as()));
        let (Some(redis), Ok(ticket), Some(now_ms)) = (redis, ticket, now_ms) else {
            return Ok(PutOutcome::Unavailable);
        };
        let noted = match self.dependencies(redis, ticket, worth).await {
            Ok(noted) => noted,
            Err(outcome) => {
                redis.release_in_background(self.key.stored_as(), self.key.tags(), ticket.clone());
                return Ok(outcome);
            }
        };
        let (core, key, ticket, ttl) = (&*self.core, &*noted.key, &noted.ticket, worth.ttl);
        let tokens = &ticket.tokens[..];
        let weighs = self.stores == Stores::Tiered && worth.weight.is_none();
        let (coding, took) = (worth.coding, worth.took);
        let made = Making { core, key, coding, ttl, took, tokens, now_ms, weighs };
        let entry = made.entry(worth.value)?;
        let life = life_of(worth.grace.after(ttl));
        core.generations.mark(key.slots()[0]);
        Ok(match fill(redis, key, ticket, &entry.bytes, life, self.by).await {
            Ok(FillOutcome::Stored) => {
                if let Some(snapshot) = noted.snapshot.filter(|_| self.stores == Stores::Tiered) {
                    let weight = worth.weight.or(entry.weight);
                    let weight = weight.map_or(KnownWeight::Unknown, KnownWeight::Measured);
                    let original = Original::new(key.origin, ttl, worth.took, weight);
                    core.keep_put(key, &snapshot, original, worth.value);
                } else {
                    core.bump([key.slots()[0]]);
                }
                PutOutcome::Stored
            }
            Ok(FillOutcome::Refused | FillOutcome::Outdated) => PutOutcome::Overtaken,
            Err(_) => PutOutcome::Unavailable,
        })
    }

    /// Returns the dependencies of the entry, with those that the value brings.
    ///
    /// # Errors
    /// The outcome of a put that cannot store the value.
    async fn dependencies(
        &self,
        redis: &RedisStore,
        ticket: &redis::FillTicket,
        worth: &Worth<'_>,
    ) -> Result<Dependencies, PutOutcome> {
        let (key, snapshot) = (Arc::clone(&self.key), Some(self.snapshot.clone()));
        let mut noted = Dependencies { key, ticket: ticket.clone(), snapshot };
        let life = life_of(worth.grace.after(worth.ttl));
        match noted.add(&self.core, redis, worth.brought, life).await {
            Ok(()) => Ok(noted),
            Err(Untraced::Unavailable) => Err(PutOutcome::Unavailable),
            Err(_) => Err(PutOutcome::Overtaken),
        }
    }

    /// Stores the value in memory, in every mode.
    ///
    /// # Errors
    /// [`Error::ValueTooLarge`], [`Error::NoRoom`].
    pub(crate) fn store_in_memory(&self, worth: &Worth<'_>) -> Result<PutOutcome, Error> {
        let (memory, name) = (&self.core.memory, || self.key.name().as_str());
        let noted = self.snapshot.clone();
        let Ok(snapshot) = self.core.depend_in_memory(&self.key, noted, worth.brought) else {
            return Ok(PutOutcome::Overtaken);
        };
        let stored = self.core.place(&snapshot, self.made(worth, &snapshot)?, |storing| {
            // Another load that has ended meanwhile may have stored a newer value.
            !memory.holds_another(&self.key.memory, &self.before)
                && storing.overtake(&snapshot, name)
                && {
                    memory.retire(&self.key.memory);
                    true
                }
        });
        if !stored {
            return Ok(PutOutcome::Overtaken);
        }
        self.core.generations.replaced(self.key.slots()[0]);
        Ok(PutOutcome::Stored)
    }

    fn made(&self, worth: &Worth<'_>, snapshot: &GenerationSnapshot) -> Result<Made, Error> {
        let (core, key, stamps) = (&self.core, &self.key, snapshot.stamps.clone());
        let meta = EntryMeta::new(key.origin, core.clock.now_ms(), fresh_for_ms(worth.ttl), stamps);
        let load_micros = u32::try_from(worth.took.as_micros()).unwrap_or(u32::MAX);
        let (memory, place) = (&core.memory, key.memory.clone());
        let made = worth.value.entry(memory, place, meta, load_micros, worth.weight.into());
        made.map_err(|unkept| unkept.error(key.name().as_str()))
    }

    /// Stores the value in memory while Redis is unavailable. If the value was overtaken, or an outage has
    /// just begun, no older value is left. If Redis is available but has refused the value, the value is kept
    /// only while the feed is connected.
    ///
    /// # Errors
    /// [`Error::ValueTooLarge`], [`Error::NoRoom`].
    fn store_for_an_outage(&self, worth: &Worth<'_>) -> Result<PutOutcome, Error> {
        let is_there = self.core.redis.as_ref().is_some_and(RedisStore::usable);
        if is_there && self.stores == Stores::Redis {
            self.core.bump([self.key.slots()[0]]);
            return Ok(PutOutcome::Unavailable);
        }
        let kept = self.store_in_memory(&self.core.for_an_outage(worth));
        if !matches!(kept, Ok(PutOutcome::Stored)) {
            self.core.bump([self.key.slots()[0]]);
        }
        kept
    }

    /// Returns the key of the entry.
    pub(crate) fn key(&self) -> &Arc<CallKey> {
        &self.key
    }

    /// Returns the generations that were noted before the value was known.
    pub(crate) fn snapshot(&self) -> &GenerationSnapshot {
        &self.snapshot
    }

    /// Returns true if the value will be stored over this entry in Redis. If Redis is unavailable, it will
    /// not be stored over any entry.
    pub(crate) fn is_over(&self, state: &StateId) -> bool {
        matches!(&self.redis, Some(Ok(ticket)) if ticket.is(state))
    }

    /// Ends a put that has nothing to store.
    pub(crate) fn give_up(self) {
        if let (Some(redis), Some(Ok(ticket))) = (&self.core.redis, self.redis) {
            redis.release_in_background(self.key.stored_as(), self.key.tags(), ticket);
        }
    }

    /// Adds a pending removal: the present entry, or an incomplete write, must be removed before Redis is
    /// used again.
    pub(crate) fn add_pending(&self) {
        if let Some(redis) = &self.core.redis {
            self.core.generations.mark(self.key.slots()[0]);
            redis.add_pending(&[self.key.name().as_str()], &[] as &[&str]);
        }
    }

    /// Removes the present entry, which is older than a value that could not be stored. If Redis is
    /// unavailable, the removal is pending.
    pub(crate) async fn remove(&self) {
        self.core.invalidate(&Targets::name(self.key.name().as_str())).await;
    }
}

/// The treatment of the entry that has overtaken a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overtaken {
    /// The entry stays. It is as good as the value to put, which was not requested directly.
    Stays,
    /// The entry is removed, because it is unknown which of the two is older.
    Goes,
}

impl Put {
    /// Ends a put whose body has returned `value`, and returns the outcome. If the value cannot or must not
    /// be stored, the present entry is removed, because it is older.
    pub(crate) async fn settle(
        &self,
        policy: &Policy,
        counters: &SiteCounters,
        loaded: &BodyValue<'_>,
        overtaken: Overtaken,
    ) -> StoreOutcome {
        let BodyValue { value, took, inherited } = *loaded;
        if policy.inherits.is_any() && inherited.is_none() {
            // The dependencies of a value from another body are not known.
            self.remove().await;
            return self.core.untraced(&self.key, counters, Untraced::Put);
        }
        let life = self.core.life(policy, value, inherited);
        let (ttl, tags) = match life.and_then(|ttl| Ok((ttl, policy.derived_tags(value)?))) {
            Ok(kept) => kept,
            Err(refusal) => {
                let outcome = self.core.refused(&self.key, counters, refusal);
                self.remove().await;
                return outcome;
            }
        };
        let (grace, coding) = (policy.grace_of(value), policy.coding);
        let weight = self.core.weight(&self.key, policy.weigh.as_ref(), value);
        let worth = Worth {
            value,
            ttl,
            grace,
            coding,
            weight,
            took,
            brought: Brought { tags: &tags, inherited },
        };
        let outcome = self.store(&worth).await;
        match &outcome {
            Ok(PutOutcome::Stored) => counters.slow.stores.one(),
            Ok(PutOutcome::Unavailable) => {
                self.add_pending();
                // A value that is too large is not kept in an outage either.
                let _ = self.store_for_an_outage(&worth);
            }
            Ok(PutOutcome::Overtaken) => {
                counters.slow.refused.one();
                if overtaken == Overtaken::Goes {
                    self.remove().await;
                }
            }
            Err(error) => {
                let outcome = self.core.unfit(&self.key, counters, error);
                self.remove().await;
                return outcome;
            }
        }
        outcome.map_or(StoreOutcome::Unfit, |outcome| StoreOutcome::of_put(outcome, ttl))
    }
}

impl Core {
    /// Puts a value that is newer than everything else under its name.
    ///
    /// # Errors
    /// Returns the reason for which the value cannot be stored. The previous value is then removed.
    pub(crate) async fn set(
        self: &Arc<Self>,
        key: &Arc<CallKey>,
        stores: Stores,
        worth: &Worth<'_>,
        counters: &SiteCounters,
    ) -> Result<PutOutcome, Error> {
        let (longest, derives) = (worth.grace.after(worth.ttl), !worth.brought.tags.is_empty());
        let put = self.put(&PutOf { key, stores, longest, derives }, Over::Anything).await;
        let outcome = put.store(worth).await;
        match outcome {
            Ok(PutOutcome::Stored) => {}
            Ok(PutOutcome::Unavailable) => {
                put.add_pending();
                put.store_for_an_outage(worth)?;
            }
            // After any other change meanwhile, including a scan, the stored value may be older.
            Ok(PutOutcome::Overtaken) | Err(_) => put.remove().await,
        }
        if let Err(error) = &outcome {
            self.is_lost(key, counters, error);
        }
        outcome
    }

    /// Limits the life of a value to the outage TTL, for memory while Redis is unavailable.
    pub(crate) fn for_an_outage<'v>(&self, worth: &Worth<'v>) -> Worth<'v> {
        let limit = self.config.outage_ttl;
        Worth { ttl: Ttl::For(worth.ttl.duration().map_or(limit, |ttl| ttl.min(limit))), ..*worth }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test reports by panicking")]
    use super::*;
    use crate::config::CacheConfig;
    use crate::key::name::Name;
    use crate::manager::CacheManager;
    use crate::tiers::key::named;
    use crate::value::value_of;

    /// Returns the outcome of a put that has begun before a pattern is cleared, and the value that is left.
    async fn put_across_a_clear(pattern: &str) -> (PutOutcome, Option<u64>) {
        let manager = CacheManager::connect(CacheConfig::default()).await.unwrap();
        let core = manager.core();
        let ttl = Ttl::For(Duration::from_secs(60));
        let key = Arc::new(named(&core.memory, Name::direct("a:1").unwrap(), &[]));
        let of = PutOf { key: &key, stores: core.stores, longest: ttl, derives: false };
        let put = core.put(&of, Over::Anything).await;
        manager.clear(pattern).await.unwrap();
        let (grace, took) = (Grace::default(), Duration::ZERO);
        let outcome = put
            .store(&Worth {
                value: value_of(&7_u64),
                ttl,
                grace,
                coding: Default::default(),
                weight: None,
                took,
                brought: Brought::default(),
            })
            .await;
        (outcome.unwrap(), manager.get("a:1").await.unwrap())
    }

    #[tokio::test]
    async fn a_value_is_stored_though_a_pattern_is_cleared_that_does_not_match_it() {
        assert_eq!(put_across_a_clear("b:*").await, (PutOutcome::Stored, Some(7)));
        assert_eq!(put_across_a_clear("a:?").await, (PutOutcome::Overtaken, None));
        assert_eq!(put_across_a_clear("a:*").await, (PutOutcome::Overtaken, None));
    }
}
