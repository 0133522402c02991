//! What a caller may want of a call besides its output: see [`CacheEntry`](crate::CacheEntry).

use std::sync::Arc;
use std::time::Duration;

use super::policy::Refusal;
use super::reading::Reading;
use super::store_outcome::PutOutcome;
use super::{Call, CallKey, Found, Goal, Load, Served, Turn, Version, WaitError, recursion};
use crate::boxed::boxed;
use crate::error::Error;
use crate::flight::{FlightOutcome, Leader, Role, Ticket};
use crate::invalidate::Targets;
use crate::put::{Overtaken, Put, Worth};
use crate::redis::Over;
use crate::site::Coalesce;
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
            Reading::Miss(_) | Reading::Unavailable => return None,
        };
        self.young_enough(found)
    }

    /// A load asked for directly: whatever is there is replaced.
    pub(crate) async fn begin_refresh(self: &Arc<Self>) -> Turn {
        let leader = match boxed(|| self.join_refresh()).await {
            Ok(leader) => leader,
            Err(served) => return Turn::Done(served),
        };
        // A body that begins now is none for those who ask later.
        leader.seal();
        let (put, overtaken) = (self.begin_put(0).await, Overtaken::Goes);
        Turn::Load(Load::new(self, leader, Goal::Place { put, overtaken }))
    }

    /// The next load that is asked for directly: to be led, or what another caller has loaded. One that
    /// has begun before is of no use to this caller, who may know of a change that it has not seen.
    async fn join_refresh(&self) -> Result<Leader<CallKey>, Served> {
        let (core, key) = (&self.core, &self.key);
        let (asked, mut patience) = (Ticket::now(), 1);
        if self.policy.coalesce == Coalesce::Off || recursion::is_inside(key) {
            patience = 0;
        }
        while patience > 0 {
            // Whatever is invalidated meanwhile: the load begins after that.
            let follower = match core.renewals.join(key, asked, &core.generations, || &[]) {
                Role::Follow(follower) => follower,
                Role::Lead(mut leader) => {
                    if let Some(before) = leader.predecessor()
                        && self.wait_before(&leader, &before).await.is_err()
                    {
                        leader.overtake(&before);
                    }
                    return Ok(leader);
                }
            };
            match self.wait(&follower).await {
                Ok(outcome @ (FlightOutcome::Value(_) | FlightOutcome::Error(_))) => {
                    match self.shared_output(&outcome) {
                        Some(served) => return Err(served),
                        None => break,
                    }
                }
                Ok(FlightOutcome::Outdated(_) | FlightOutcome::Abandoned) => {}
                Ok(FlightOutcome::Failed) | Err(WaitError::Circle) => break,
                Err(WaitError::TooLong) => {
                    core.renewals.give_up(key, &follower);
                    patience -= 1;
                }
            }
        }
        Ok(Leader::alone(&core.generations, key.slots()))
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
                let meta = self.core.facts_in_memory(&self.key);
                meta.is_none_or(|meta| meta.age_ms(self.core.clock.now_ms()) >= age_ms)
            }
        };
        if is_there {
            return Some(put);
        }
        put.give_up();
        None
    }

    /// Stores a value directly.
    ///
    /// # Errors
    /// As [`CacheEntry::put`](crate::CacheEntry::put).
    pub(crate) async fn set(
        &self,
        function: &'static str,
        value: &dyn AnyValue,
    ) -> Result<(), Error> {
        let ttl = match self.policy.life(value) {
            Ok(ttl) => ttl,
            Err(refusal) => {
                self.core.invalidate(&Targets::name(self.key.name().as_str())).await;
                let reason = match refusal {
                    Refusal::Unwanted => {
                        "`cache_if`, `cache_none` or `bypass_if` excludes it; the entry was removed"
                    }
                    Refusal::Panics => "`cache_if` panics; the entry was removed",
                };
                return Err(Error::NotStored { function, reason });
            }
        };
        let (grace, coding) = (self.policy.grace_of(value), self.policy.coding);
        let weight = self.weight(value);
        let worth = Worth { value, ttl, grace, coding, weight, took: Duration::ZERO };
        let set = self.core.set(&self.key, self.stores, &worth, &self.counters).await?;
        if set == PutOutcome::Stored {
            self.counters.slow.stores.one();
        }
        Ok(())
    }
}
