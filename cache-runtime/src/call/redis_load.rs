//! Loading into Redis: mark, load and fill.

use std::sync::Arc;
use std::time::Duration;

use super::cluster::Begun;
use super::filling::{Making, fill};
use super::policy::life_of;
use super::{Call, CallKey, Fate, Found, Goal, Load, Original, Served, Turn, Vacancy};
use crate::config::Ttl;
use crate::core::Stores;
use crate::flight::Leader;
use crate::redis::{Away, By, Filled, Noted, RedisStore};
use crate::value::AnyValue;

impl Call {
    /// While Redis is away values live in memory; when it is back none of them counts.
    pub(super) fn begin_without_redis(
        self: &Arc<Self>,
        redis: &RedisStore,
        leader: Leader<CallKey>,
        instead: Option<Found>,
    ) -> Turn {
        // The outage has made stale what memory held, and this load with it. Noted before Redis is looked
        // at: if it is back before the value is stored, that is stale.
        leader.note_again(&self.core.generations, self.key.slots());
        // An operation may have failed and Redis goes on: what others invalidate there meanwhile
        // would not be seen here. Then nothing is kept, and nothing is shared.
        let limit = Some(self.core.config.outage_ttl);
        let goal = if redis.usable() { Goal::Nowhere(Fate::Away) } else { Goal::Memory { limit } };
        Turn::Load(Load::new(self, leader, goal).or_else(instead))
    }

    pub(super) async fn begin_in_redis(
        self: &Arc<Self>,
        redis: &RedisStore,
        leader: Leader<CallKey>,
        vacancy: Vacancy,
        instead: Option<Found>,
    ) -> Turn {
        match self.begin(redis, &leader, vacancy, instead.is_some()).await {
            Begun::Noted(key, noted, lease) => Turn::Load(
                Load::new(self, leader, Goal::Redis { key, noted }).or_else(instead).leased(lease),
            ),
            Begun::Found(found) => {
                self.pass_loaded(leader, &found);
                // Counted as a miss before.
                self.counters.slow.coalesced.one();
                self.count_stale(&found.hit);
                Turn::Done(Served::found(found))
            }
            Begun::Alike => {
                Turn::Load(Load::new(self, leader, Goal::Nowhere(Fate::Alike)).or_else(instead))
            }
            Begun::Away => self.begin_without_redis(redis, leader, instead),
        }
    }

    /// Stores the value, if it is to be stored and nothing has come between. `Filled::Stored` means
    /// that the value was valid when Redis looked.
    pub(super) async fn fill(
        &self,
        redis: &RedisStore,
        leader: &Leader<CallKey>,
        key: &CallKey,
        noted: &Noted,
        value: &dyn AnyValue,
        took: Duration,
    ) -> (Option<Filled>, Fate) {
        let Some(ttl) = self.policy.life(value) else {
            return (self.release(redis, leader, key, noted, false).await, Fate::Unwanted);
        };
        let copy = || {
            if self.stores == Stores::Tiered {
                let weight = self.weight(value);
                let original = Original::new(self.key.origin, ttl, took, weight);
                self.core.keep_copy(&self.key, &leader.noted(), original, value);
            }
        };
        let entry = match self.entry(redis, key, noted, value, ttl, took) {
            Ok(entry) => entry,
            Err(fate) => {
                let stays_here = fate == Fate::Lossy && self.stores == Stores::Tiered;
                let released = self.release(redis, leader, key, noted, stays_here).await;
                // As if it had been stored, and evicted at once.
                if stays_here && released == Some(Filled::Stored) {
                    copy();
                }
                return (released, fate);
            }
        };
        let life = life_of(self.policy.grace_of(value).after(ttl));
        let filled = fill(redis, key, noted, &entry, life, By::Load).await;
        match filled {
            Ok(Filled::Stored) => {
                self.counters.slow.stores.one();
                copy();
            }
            Ok(Filled::Refused | Filled::Outdated) => self.counters.slow.refused.one(),
            Err(Away) => {}
        }
        (filled.ok(), filled.into())
    }

    /// Ends a load that stores nothing; whether its value could have been stored, where somebody asks.
    async fn release(
        &self,
        redis: &RedisStore,
        leader: &Leader<CallKey>,
        key: &CallKey,
        noted: &Noted,
        asked: bool,
    ) -> Option<Filled> {
        if !(asked || leader.awaited() || noted.is_mine()) {
            return None;
        }
        redis.release(key.stored_as(), key.tags(), noted).await.ok()
    }

    /// The value as an entry.
    ///
    /// # Errors
    /// Why it cannot be stored.
    fn entry(
        &self,
        redis: &RedisStore,
        key: &CallKey,
        noted: &Noted,
        value: &dyn AnyValue,
        ttl: Ttl,
        took: Duration,
    ) -> Result<Vec<u8>, Fate> {
        let now_ms = redis.now_ms(key.stored_as()).ok_or(Fate::Away)?;
        let made = Making {
            core: &self.core,
            key,
            coding: self.policy.coding,
            ttl,
            took,
            tokens: &noted.tokens,
            now_ms,
        };
        made.entry(value).map_err(|error| self.core.unfit(&self.key, &self.counters, &error))
    }
}
