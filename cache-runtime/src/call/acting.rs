//! What a caller may want of a call besides its output: see [`CacheEntry`](crate::CacheEntry).

use std::sync::Arc;
use std::time::Duration;

use super::reading::Reading;
use super::{Call, Found, Goal, Load, Turn, Version};
use crate::error::Error;
use crate::flight::Leader;
use crate::put::{self, Overtaken, Put, Worth};
use crate::redis::Over;
use crate::value::AnyValue;

impl Call {
    /// What is stored and fresh. Not counted.
    pub(crate) async fn peek(&self) -> Option<Found> {
        self.find(0).await
    }

    /// What can be served without a load, counted.
    pub(crate) async fn cached(&self) -> Option<Found> {
        let grace_ms = self.policy.grace.while_revalidate_ms;
        let found = self.find(grace_ms).await;
        match &found {
            Some(found) => self.count_hit(&found.hit, found.source),
            None => self.counters.slow.misses.one(),
        }
        found
    }

    async fn find(&self, grace_ms: u64) -> Option<Found> {
        let found = match self.core.read(&self.key, self.ask(grace_ms)).await {
            Reading::Memory(hit) => Found::in_memory(hit),
            Reading::Redis(hit, at) => Found::in_redis(hit, at),
            Reading::Miss(_) | Reading::Away => return None,
        };
        self.young_enough(found)
    }

    /// A load asked for by hand: whatever is there is replaced.
    pub(crate) async fn begin_refresh(self: &Arc<Self>) -> Turn {
        let leader = Leader::alone(&self.core.generations, self.key.slots());
        let (put, overtaken) = (self.begin_put(0).await, Overtaken::Goes);
        Turn::Load(Load::new(self, leader, Goal::Place { put, overtaken }))
    }

    async fn begin_put(&self, place: u8) -> Put {
        let longest = self.policy.longest();
        self.core.put(&self.key_at(place), self.stores, Over::Nothing, longest).await
    }

    /// A put in the place of what was found; `None` if something else is there by now.
    pub(super) async fn put_in_place_of(&self, found: Version) -> Option<Put> {
        let place = match found {
            Version::Redis(at) => at.place,
            Version::Memory(_) => 0,
        };
        let put = self.begin_put(place).await.refreshing();
        let is_there = match found {
            Version::Redis(at) => put.is_over(&at.state),
            Version::Memory(age_ms) => {
                let facts = self.core.facts_in_memory(&self.key);
                facts.is_none_or(|facts| facts.age_ms(self.core.clock.now_ms()) >= age_ms)
            }
        };
        if is_there {
            return Some(put);
        }
        put.give_up();
        None
    }

    /// Stores a value by hand.
    ///
    /// # Errors
    /// As [`CacheEntry::put`](crate::CacheEntry::put).
    pub(crate) async fn set(
        &self,
        function: &'static str,
        value: &dyn AnyValue,
    ) -> Result<(), Error> {
        let Some(ttl) = self.policy.life(value) else {
            self.core.invalidate(&crate::invalidate::Targets::name(self.key.name().as_str())).await;
            let reason =
                "`cache_if`, `cache_none` or `bypass_if` refuses it; nothing is stored any more";
            return Err(Error::NotStored { function, reason });
        };
        let (grace, codec) = (self.policy.grace_of(value), self.policy.codec);
        let worth = Worth { value, ttl, grace, codec, took: Duration::ZERO };
        if self.core.set(&self.key, self.stores, &worth).await? == put::Outcome::Stored {
            self.counters.slow.stores.one();
        }
        Ok(())
    }
}
