//! The first half of a call: whether there is a value for it, and if not, what is to be loaded.

use std::sync::Arc;

use super::reading::{Ask, Leftover, Reading, Vacancy};
use super::{
    BackgroundRefresh, Call, CallKey, Demands, Found, Passed, Served, WaitError, early, recursion,
};
use crate::boxed::boxed;
use crate::clock::millis;
use crate::core::Stores;
use crate::flight::{FlightOutcome, Follower, Leader, Role, Ticket};
use crate::memory::Hit;
use crate::random;
use crate::site::Coalesce;
use crate::value::Value;

/// What the first half of a call has come to.
pub(crate) enum Step {
    Done(Served),
    /// The body is to be run by this caller.
    Load(Loading),
    /// The body is to be run in a task of its own.
    BackgroundRefresh(BackgroundRefresh),
}

/// A load that this caller leads.
pub(crate) struct Loading {
    pub(super) leader: Leader<CallKey>,
    pub(super) into: Into,
    /// What is served if it fails.
    pub(super) instead: Option<Found>,
}

/// Where a loaded value goes.
pub(super) enum Into {
    /// The caller alone: it is the body of this very key that calls.
    Nothing,
    Memory,
    /// Over what has been found there.
    Redis(Vacancy),
    /// Memory, since Redis is unavailable.
    Outage,
    /// Nowhere: what is there was loaded for other arguments of the same key.
    Nowhere,
    /// In place of this one, which others are served meanwhile.
    Place(Found),
}

/// What is to be done with a value that has been found.
pub(super) enum Use {
    Serve,
    /// Serve it, and refresh it.
    Refresh(Leader<CallKey>),
    /// Load, and serve it if that fails or takes too long.
    Load,
}

impl Call {
    /// Looks for a value in the stores, and where other callers are about to have one.
    pub(crate) async fn look(&self) -> Step {
        let (core, key) = (&self.core, &self.key);
        if recursion::is_inside(key) {
            return self.step_to(Leader::alone(&core.generations, key.slots()), Into::Nothing);
        }
        if let Some(step) = self.at_hand() {
            return step;
        }
        if self.policy.coalesce == Coalesce::Off {
            return self.lead(Leader::alone(&core.generations, key.slots())).await;
        }
        let asked = Ticket::now();
        loop {
            let follower = match core.flights.join(key, asked, &core.generations, || key.slots()) {
                Role::Lead(leader) => return self.lead(leader).await,
                Role::Follow(follower) => follower,
            };
            match self.wait(&follower).await {
                Ok(outcome @ (FlightOutcome::Value(_) | FlightOutcome::Error(_))) => {
                    match self.shared_output(&outcome) {
                        Some(served) => return Step::Done(served),
                        // Too old, or of another type, stored directly under the same name: as good as none.
                        None => break,
                    }
                }
                Ok(FlightOutcome::Failed) | Err(WaitError::Circle) => break,
                Ok(FlightOutcome::Outdated(_) | FlightOutcome::Abandoned) => {}
                // The first to reach the wait limit leads the next flight, the others join it.
                Err(WaitError::TooLong) => core.flights.give_up(key, &follower),
            }
        }
        self.lead(Leader::alone(&core.generations, key.slots())).await
    }

    /// A value in memory that is to be refreshed while it is served: nobody waits for that.
    fn at_hand(&self) -> Option<Step> {
        let grace_ms = self.policy.grace.while_revalidate_ms;
        if self.stores != Stores::Memory || (grace_ms == 0 && self.policy.early_refresh <= 0.0) {
            return None;
        }
        let hit = self.core.value_in_memory(&self.key, self.policy.of, grace_ms)?;
        let found = self.young_enough(Found::in_memory(hit))?;
        match self.use_of(&found.hit) {
            Use::Serve => Some(Step::Done(self.served(found))),
            Use::Refresh(refresh) => Some(self.refresh_step(refresh, found)),
            Use::Load => None,
        }
    }

    async fn lead(&self, mut leader: Leader<CallKey>) -> Step {
        if let Some(predecessor) = leader.predecessor() {
            match boxed(|| self.wait_for_predecessor(leader, predecessor)).await {
                Ok(now) => leader = now,
                Err(served) => return Step::Done(served),
            }
        }
        // Since this caller looked into memory, a flight may have landed. What is read from Redis
        // from here on is younger than every caller that has joined so far. Where memory answers
        // too, callers may join for as long as nothing is received against it.
        let core = &self.core;
        let in_memory = self.stores == Stores::Memory;
        let strict = !core.relies_on_memory(self.stores);
        if strict {
            leader.seal();
        } else if !in_memory {
            leader.rely_on_lease();
        }
        let ask = self.ask(self.policy.grace.longest_ms());
        // In a box of its own: with this in it the future of a call would be more than a kilobyte, and
        // allocators have no such blocks at hand.
        let reading = boxed(|| self.core.read(&self.key, ask)).await;
        if !strict && !in_memory {
            leader.seal();
        }
        let (found, into) = match reading {
            Reading::Memory(hit) if in_memory => (Some(Found::in_memory(hit)), Into::Memory),
            // In an outage.
            Reading::Memory(hit) => (Some(Found::in_memory(hit)), Into::Outage),
            Reading::Redis(hit, at) => {
                let vacancy = Vacancy { place: at.place, ..Vacancy::NOTHING };
                (Some(Found::in_redis(hit, at)), Into::Redis(vacancy))
            }
            Reading::Miss(_) if in_memory => (None, Into::Memory),
            Reading::Miss(Vacancy { leftover: Leftover::Alike(_), .. }) => {
                self.note_alike();
                (None, Into::Nowhere)
            }
            Reading::Miss(vacancy) => {
                if vacancy.undecodable {
                    self.counters.slow.decode_failures.one();
                }
                (None, Into::Redis(vacancy))
            }
            Reading::Unavailable => (None, Into::Outage),
        };
        let found = match found {
            Some(found) if !self.is_young(&found) => {
                if found.hit.stale_for_ms().is_none() {
                    // Too old for this caller alone: the others have it.
                    let alone = Leader::alone(&core.generations, self.key.slots());
                    self.pass(std::mem::replace(&mut leader, alone), &found);
                }
                None
            }
            found => found,
        };
        if found.is_none() && strict && self.stores == Stores::Tiered {
            // The answer may have been what made stale what had been noted; the load has not begun.
            leader.note_again(&core.generations, self.key.slots());
        }
        match found {
            Some(found) => match self.use_of(&found.hit) {
                Use::Serve => {
                    self.pass(leader, &found);
                    Step::Done(self.served(found))
                }
                Use::Refresh(refresh) => {
                    self.pass(leader, &found);
                    self.refresh_step(refresh, found)
                }
                Use::Load => boxed(|| self.load_or_serve(leader, into, found)).await,
            },
            None => boxed(|| self.load_or_follow(leader, into)).await,
        }
    }

    /// Waits for the flight before this one: what that has, this one passes on to whom it may serve.
    async fn wait_for_predecessor(
        &self,
        leader: Leader<CallKey>,
        predecessor: Follower,
    ) -> Result<Leader<CallKey>, Served> {
        let Ok(outcome) = self.wait_before(&leader, &predecessor).await else {
            leader.overtake(&predecessor);
            return Ok(leader);
        };
        match self.shared_output(&outcome) {
            Some(served) => {
                leader.pass_on(&predecessor, outcome);
                Err(served)
            }
            None => Ok(leader),
        }
    }

    /// Waits as the leader of the next flight.
    pub(super) async fn wait_before(
        &self,
        leader: &Leader<CallKey>,
        predecessor: &Follower,
    ) -> Result<FlightOutcome, WaitError> {
        let mut bodies = recursion::bodies();
        bodies.push(Arc::clone(leader.flight()));
        self.wait_inside(bodies, predecessor).await
    }

    /// The question for this call's value. A copy in memory has no say where Redis knows better: when
    /// the value is to be younger than a certain age, or may be refreshed before its time.
    pub(super) fn ask(&self, grace_ms: u64) -> Ask {
        let Demands { max_age, early, .. } = self.demands;
        let copies = max_age.is_none() && !early && self.policy.early_refresh <= 0.0;
        let (of, codec, weigh) =
            (self.policy.of, self.policy.coding.own, self.policy.weigh.clone());
        Ask { stores: self.stores, of, codec, weigh, grace_ms, copies }
    }

    /// Nothing is there that can be used: to be loaded, unless that is being done in the background.
    async fn load_or_follow(&self, leader: Leader<CallKey>, into: Into) -> Step {
        // In Redis an entry that is being replaced stays, unless it is invalidated: then the load
        // that replaces it is of no use.
        let is_replaced = match &into {
            Into::Memory => true,
            Into::Redis(vacancy) => matches!(vacancy.leftover, Leftover::Expired(_)),
            _ => false,
        };
        if self.demands.background
            && is_replaced
            && let Some(follower) = self.refresh_under_way()
            && let Some(outcome) = self.wait_or_give_up(&follower).await
            && let Some(served) = self.shared_output(&outcome)
        {
            leader.pass_on(&follower, outcome);
            return Step::Done(served);
        }
        self.counters.slow.misses.one();
        self.step_to(leader, into)
    }

    /// Waits for a load that runs in the background; at the wait limit another may take its place.
    async fn wait_or_give_up(&self, follower: &Follower) -> Option<FlightOutcome> {
        let outcome = self.wait(follower).await;
        if let Err(WaitError::TooLong) = outcome {
            self.core.background.refreshes.give_up(&self.key, follower);
        }
        outcome.ok()
    }

    fn step_to(&self, leader: Leader<CallKey>, into: Into) -> Step {
        leader.reopen();
        Step::Load(Loading { leader, into, instead: None })
    }

    /// What is to be done with a value that may be served.
    fn use_of(&self, hit: &Hit<Value>) -> Use {
        let in_time = match hit.stale_for_ms() {
            None if self.is_due(hit) => true,
            None => return Use::Serve,
            Some(past) => past < self.policy.grace.while_revalidate_ms,
        };
        let (core, key) = (&self.core, &self.key);
        if core.background.failed_lately(key, core.clock.now_ms()) {
            return Use::Serve;
        }
        if !in_time {
            return Use::Load;
        }
        match core.background.refreshes.open(key, &core.generations, key.slots()) {
            Some(leader) => Use::Refresh(leader),
            None => Use::Serve,
        }
    }

    /// Whether a fresh value is to be refreshed.
    fn is_due(&self, hit: &Hit<Value>) -> bool {
        let beta = self.policy.early_refresh;
        let is_due = || early::is_due(beta, hit.load_micros, hit.left_ms(), random::cheap);
        self.demands.early || (beta > 0.0 && is_due())
    }

    pub(super) fn young_enough(&self, found: Found) -> Option<Found> {
        self.is_young(&found).then_some(found)
    }

    /// Whether it is as young as the caller wants it, and not past its TTL for longer than that
    /// very value may be.
    fn is_young(&self, found: &Found) -> bool {
        let hit = &found.hit;
        let in_grace = |past| past < self.policy.grace_of(&*hit.value).longest_ms();
        hit.age_ms < self.demands.max_age.map_or(u64::MAX, millis)
            && hit.stale_for_ms().is_none_or(in_grace)
    }

    pub(super) fn served(&self, found: Found) -> Served {
        self.count_hit(&found.hit, found.source);
        Served::found(found)
    }

    /// Ends a flight with a value that a store holds.
    pub(super) fn pass(&self, leader: Leader<CallKey>, found: &Found) {
        self.pass_counted(leader, found, Some(found.hit.load_micros));
    }

    /// The same with a value whose load, in another process, has been waited for.
    pub(super) fn pass_loaded(&self, leader: Leader<CallKey>, found: &Found) {
        self.pass_counted(leader, found, None);
    }

    fn pass_counted(&self, leader: Leader<CallKey>, found: &Found, saved_micros: Option<u64>) {
        if self.stores == Stores::Memory {
            // Who has joined did so while nothing that was noted before the look had changed.
            leader.seal();
        }
        leader.land(|| {
            FlightOutcome::Value(Arc::new(Passed {
                value: Arc::clone(&found.hit.value),
                origin: found.origin(),
                saved_micros,
            }))
        });
    }
}
