//! Looks for a value in memory: while Redis is available, and while it is not.

use super::inherited::Inherited;
use super::key::CallKey;
use crate::coherence::generation::Stamps;
use crate::memory::{EntryMeta, Hit, ReadPredicate};
use crate::output::CacheValue;
use crate::redis::{Absence, RedisStore};
use crate::support::clock::millis;
use crate::tiers::core::{Core, Stores};
use crate::tiers::recent_errors::RecentError;
use crate::value::{Value, ValueType};

impl Core {
    /// Returns a value in memory that is at most this much time past its TTL, or past a soft invalidation.
    pub(crate) fn value_in_memory(
        &self,
        key: &CallKey,
        of: &dyn ValueType,
        grace_ms: u64,
    ) -> Option<Hit<Value>> {
        let predicate = ReadPredicate { grace_ms, ..self.predicate_of(key) };
        let take = |value: &_| of.clone_of(value);
        let hit = self.memory.take(key.memory.hash, &key.memory, predicate, take);
        if hit.is_none() && grace_ms > 0 && self.generations.softens() && self.has_no_copies(key) {
            return self.memory.take_softened(&key.memory, predicate, take);
        }
        hit
    }

    /// Returns true if no entry of this key can be a copy from Redis, whose age is not that of its stamps. Beside Redis, only a
    /// function whose store is memory asks for stale values.
    fn has_no_copies(&self, key: &CallKey) -> bool {
        self.redis.is_none() || key.origin != 0
    }

    /// Returns a value in memory that is at most this much time past its TTL, with the generations that it depends on.
    pub(crate) fn kept_in_memory(
        &self,
        key: &CallKey,
        of: &dyn ValueType,
        kept_ms: u64,
    ) -> Option<(Hit<Value>, Stamps)> {
        let predicate = ReadPredicate { grace_ms: kept_ms, ..self.predicate_of(key) };
        self.memory.take_with_stamps(&key.memory, predicate, |value| of.clone_of(value))
    }

    /// Returns a fresh value in memory. Adds its dependencies to those of the body that makes the call.
    pub(crate) fn inherit_from_memory(
        &self,
        key: &CallKey,
        of: &dyn ValueType,
        inherited: &Inherited,
    ) -> Option<Hit<Value>> {
        self.inherit_if(self.predicate_of(key), key, of, inherited)
    }

    fn inherit_if(
        &self,
        predicate: ReadPredicate<'_>,
        key: &CallKey,
        of: &dyn ValueType,
        inherited: &Inherited,
    ) -> Option<Hit<Value>> {
        let take = |value: &_| of.clone_of(value);
        let (hit, stamps) = self.memory.take_with_stamps(&key.memory, predicate, take)?;
        inherited.add_stamps(&stamps, self.ends_ms(hit.left_ms()));
        Some(hit)
    }

    /// Returns the time at which a value ends that is fresh for this long; `None` for never.
    pub(crate) fn ends_ms(&self, left_ms: u64) -> Option<u64> {
        (left_ms < u64::MAX / 2).then(|| self.clock.now_ms().saturating_add(left_ms))
    }

    /// Returns a fresh value in memory, of a type that the caller knows.
    pub(crate) fn hit_in_memory<V: CacheValue>(&self, key: &CallKey) -> Option<Hit<V>> {
        self.memory.get(key.memory.hash, &key.memory, self.predicate_of(key))
    }

    /// Returns a value in memory while Redis is unavailable. The value was loaded during the outage, or
    /// shortly before.
    pub(crate) fn value_of_an_outage(
        &self,
        redis: &RedisStore,
        key: &CallKey,
        of: &dyn ValueType,
        stores: Stores,
        heir: Option<&Inherited>,
    ) -> Option<Hit<Value>> {
        let predicate = self.predicate_of_an_outage(redis, key, stores)?;
        match heir {
            Some(heir) => self.inherit_if(predicate, key, of, heir),
            None => {
                let take = |value: &_| of.clone_of(value);
                self.memory.take(key.memory.hash, &key.memory, predicate, take)
            }
        }
    }

    /// Returns the metadata of such a value.
    pub(crate) fn meta_of_an_outage(&self, redis: &RedisStore, key: &CallKey) -> Option<EntryMeta> {
        let predicate = self.predicate_of_an_outage(redis, key, self.stores)?;
        self.memory.meta(&key.memory, predicate)
    }

    fn predicate_of_an_outage<'a>(
        &'a self,
        redis: &RedisStore,
        key: &'a CallKey,
        stores: Stores,
    ) -> Option<ReadPredicate<'a>> {
        let not_before_ms = self.outage_begins(redis, stores)?;
        Some(ReadPredicate { not_before_ms, ..self.predicate_of(key) })
    }

    /// Returns the time since which a value must have been made to be used while Redis is unavailable; `None`
    /// if none may be used.
    fn outage_begins(&self, redis: &RedisStore, stores: Stores) -> Option<u64> {
        match redis.absence() {
            Absence::Since(since) => {
                // The values in memory were valid when this process last received all invalidations.
                let right = self.generations.lease.received_ms().unwrap_or(since);
                let grace = millis(self.config.outage_grace);
                let graced = self.clock.now_ms() < right.saturating_add(grace);
                Some(if graced { 0 } else { since })
            }
            Absence::Lasting => Some(0),
            // The feed is connected, or will be soon. Until then, entries in memory are not used.
            Absence::Brief => (stores == Stores::Redis).then_some(0),
        }
    }

    /// Returns the error of a load of this key that has failed lately, if it is still valid.
    pub(crate) fn recent_error(&self, key: &CallKey, stores: Stores) -> Option<RecentError> {
        let recent = self.recent_errors.find(key, self.clock.now_ms())?;
        let is_known = match self.redis_for(stores) {
            None => true,
            Some(redis) if redis.usable() => self.generations.lease.holds_exactly(),
            Some(redis) => {
                self.outage_begins(redis, stores).is_some_and(|since| recent.failed_ms >= since)
            }
        };
        // R1: an error from before an invalidation or a put is not used.
        (is_known && self.generations.storable(&recent.snapshot)).then_some(recent)
    }

    /// Returns the metadata of a fresh value in memory.
    pub(crate) fn meta_in_memory(&self, key: &CallKey) -> Option<EntryMeta> {
        self.memory.meta(&key.memory, self.predicate_of(key))
    }

    fn predicate_of<'a>(&'a self, key: &'a CallKey) -> ReadPredicate<'a> {
        ReadPredicate { slots: Some(key.slots()), ..self.predicate(key.accepted_origin()) }
    }
}
