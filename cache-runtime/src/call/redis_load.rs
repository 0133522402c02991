//! Loading into Redis: placeholder, load and fill.

use std::sync::Arc;
use std::time::Duration;

use super::filling::{FilledEntry, Making, fill};
use super::fleet::Begun;
use super::policy::life_of;
use super::{Call, CallKey, Found, Goal, Load, Original, Served, StoreOutcome, Turn, Vacancy};
use crate::config::Ttl;
use crate::core::Stores;
use crate::flight::Leader;
use crate::memory::KnownWeight;
use crate::redis::{By, FillOutcome, FillTicket, RedisStore};
use crate::value::AnyValue;

impl Call {
    /// While Redis is unavailable values live in memory; when it is back none of them counts.
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
        let goal = if redis.usable() {
            Goal::Nowhere(StoreOutcome::Unavailable)
        } else {
            Goal::Memory { limit }
        };
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
            Begun::Ticket(key, ticket, lease) => Turn::Load(
                Load::new(self, leader, Goal::Redis { key, ticket }).or_else(instead).leased(lease),
            ),
            Begun::Found(found) => {
                self.pass_loaded(leader, &found);
                // Counted as a miss before.
                self.counters.slow.coalesced.one();
                self.count_stale(&found.hit);
                Turn::Done(Served::found(found))
            }
            Begun::Alike => Turn::Load(
                Load::new(self, leader, Goal::Nowhere(StoreOutcome::Alike)).or_else(instead),
            ),
            Begun::Unavailable => self.begin_without_redis(redis, leader, instead),
        }
    }

    /// Stores the value, if it is to be stored and nothing has come between. `FillOutcome::Stored` means
    /// that the value was valid when Redis looked.
    pub(super) async fn fill(
        &self,
        redis: &RedisStore,
        leader: &Leader<CallKey>,
        key: &CallKey,
        ticket: &FillTicket,
        value: &dyn AnyValue,
        took: Duration,
    ) -> (Option<FillOutcome>, StoreOutcome) {
        let ttl = match self.policy.life(value) {
            Ok(ttl) => ttl,
            Err(refusal) => {
                let outcome = self.core.refused(&self.key, &self.counters, refusal);
                return (self.release(redis, leader, key, ticket, false).await, outcome);
            }
        };
        let copy = |measured: Option<usize>| {
            if self.stores == Stores::Tiered {
                // Its size has been measured: a value over the limit does not come so far.
                let weight = self.weight(value).or(measured);
                let weight = weight.map_or(KnownWeight::Unknown, KnownWeight::Measured);
                let original = Original::new(self.key.origin, ttl, took, weight);
                self.core.keep_copy(&self.key, &leader.snapshot(), original, value);
            }
        };
        let entry = match self.entry(redis, key, ticket, value, ttl, took) {
            Ok(entry) => entry,
            Err(outcome) => {
                let stays_here = outcome == StoreOutcome::Lossy && self.stores == Stores::Tiered;
                let released = self.release(redis, leader, key, ticket, stays_here).await;
                // As if it had been stored, and evicted at once.
                if stays_here && released == Some(FillOutcome::Stored) {
                    copy(None);
                }
                return (released, outcome);
            }
        };
        let life = life_of(self.policy.grace_of(value).after(ttl));
        let filled = fill(redis, key, ticket, &entry.bytes, life, By::Load).await;
        match &filled {
            Ok(FillOutcome::Stored) => {
                self.counters.slow.stores.one();
                copy(entry.weight);
            }
            Ok(FillOutcome::Refused | FillOutcome::Outdated) => self.counters.slow.refused.one(),
            Err(_) => {}
        }
        let outcome = StoreOutcome::from(&filled);
        (filled.ok(), outcome)
    }

    /// Ends a load that stores nothing; whether its value could have been stored, where somebody asks.
    async fn release(
        &self,
        redis: &RedisStore,
        leader: &Leader<CallKey>,
        key: &CallKey,
        ticket: &FillTicket,
        asked: bool,
    ) -> Option<FillOutcome> {
        if !(asked || leader.awaited() || ticket.is_mine()) {
            return None;
        }
        redis.release(key.stored_as(), key.tags(), ticket).await.ok()
    }

    /// The value as an entry.
    ///
    /// # Errors
    /// Why it cannot be stored.
    fn entry(
        &self,
        redis: &RedisStore,
        key: &CallKey,
        ticket: &FillTicket,
        value: &dyn AnyValue,
        ttl: Ttl,
        took: Duration,
    ) -> Result<FilledEntry, StoreOutcome> {
        let now_ms = redis.now_ms(key.stored_as()).ok_or(StoreOutcome::Unavailable)?;
        let made = Making {
            core: &self.core,
            key,
            coding: self.policy.coding,
            ttl,
            took,
            tokens: &ticket.tokens,
            now_ms,
            weighs: self.stores == Stores::Tiered && self.policy.weigh.is_none(),
        };
        made.entry(value).map_err(|error| self.core.unfit(&self.key, &self.counters, &error))
    }
}
