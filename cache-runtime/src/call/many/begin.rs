//! Begins the loads of many keys: takes the steps before their body runs.

use std::sync::Arc;

use futures_util::future::join_all;

use super::calls::{Led, ManyCalls, Waited};
use super::waiting::wait_for_fleet;
use crate::call::Call;
use crate::call::begin::{begin, begin_without_redis};
use crate::call::fleet::{LEASE, over, waits};
use crate::call::found::FoundValue;
use crate::call::load::{Action, Goal, Load};
use crate::call::recursion::KeyLoad;
use crate::call::step::{Destination, Loading};
use crate::flight::Leader;
use crate::redis::{BeginOf, FillTicket, Placeholder, RedisStore, Unavailable};
use crate::support::boxed::{Boxed, boxed};
use crate::tiers::examine::Vacancy;
use crate::tiers::key::CallKey;
use crate::tiers::policy::life_of;

/// A load whose placeholder is about to be set.
struct Claiming {
    key: usize,
    call: Arc<Call>,
    leader: Leader<CallKey>,
    vacancy: Vacancy,
    /// The value that is served if the load fails.
    instead: Option<FoundValue>,
    /// The key of its place, under the name or beside it.
    place: Arc<CallKey>,
    placeholder: Placeholder,
    /// True if it waits for another process that loads the same key.
    waits: bool,
}

impl ManyCalls {
    /// Begins as many loads as one body may run.
    pub(super) async fn begin(&mut self) {
        let part = self.led.len().min(self.max_batch);
        let (mut places, mut claims) = (Vec::new(), Vec::new());
        for (key, led) in self.led.drain(..part).collect::<Vec<_>>() {
            let loading = match led {
                Led::Aside => {
                    self.aside.push(key);
                    continue;
                }
                Led::Begun(load) => {
                    self.loads.push((key, load));
                    continue;
                }
                Led::Load(loading) => loading,
            };
            let Some(call) = self.call(key) else { continue };
            if call.core.redis.is_some() && matches!(loading.destination, Destination::Redis(_)) {
                claims.extend(Claiming::of(key, call, *loading));
            } else if let Destination::Place(_) = loading.destination {
                places.push(async move { (key, boxed(|| begin(&call, *loading)).await) });
            } else {
                // Nothing is awaited there.
                let action = boxed(|| begin(&call, *loading)).await;
                self.loaded_next(key, action);
            }
        }
        for (key, action) in boxed(|| join_all(places)).await {
            self.loaded_next(key, action);
        }
        while let Some(first) = claims.first() {
            let core = Arc::clone(&first.call.core);
            let alike = |claiming: &mut Claiming| Arc::ptr_eq(&claiming.call.core, &core);
            let together: Vec<_> = claims.extract_if(.., alike).collect();
            if let Some(redis) = &core.redis {
                boxed(|| self.claim(redis, together)).await;
            }
        }
        self.count_as_one();
    }

    /// Takes a load into the running body.
    fn loaded_next(&mut self, key: usize, action: Action) {
        match action {
            Action::Return(served) => self.serve_output(key, served),
            Action::Load(load) => self.loads.push((key, load)),
            Action::Bypass => self.aside.push(key),
        }
    }

    /// Sets the placeholders, and notes the tokens.
    async fn claim(&mut self, redis: &RedisStore, claims: Vec<Claiming>) {
        let loads: Vec<_> = claims.iter().map(Claiming::begin).collect();
        let tickets = redis.begin_many(&loads).await;
        for (claiming, ticket) in claims.into_iter().zip(tickets) {
            let key = claiming.key;
            match claiming.claimed(redis, ticket) {
                Ok(action) => self.loaded_next(key, action),
                Err((flight, elsewhere)) => {
                    self.elsewhere.push(flight);
                    self.waits.push(elsewhere);
                }
            }
        }
    }
}

impl Claiming {
    /// Returns the load, if its value goes to Redis.
    fn of(key: usize, call: Arc<Call>, loading: Loading) -> Option<Self> {
        let Loading { leader, destination, instead } = loading;
        let Destination::Redis(vacancy) = destination else { return None };
        let waits = waits(&call, instead.is_some());
        let placeholder = match waits {
            true => Placeholder::lease(LEASE),
            false => Placeholder::new(call.core.config.max_load),
        };
        let place = call.key_at(vacancy.place);
        Some(Claiming { key, call, leader, vacancy, instead, place, placeholder, waits })
    }

    fn begin(&self) -> BeginOf<'_> {
        BeginOf {
            name: self.place.stored_as(),
            tags: self.place.tags(),
            over: over(&self.vacancy.leftover),
            life: life_of(self.call.policy.longest()),
            placeholder: self.placeholder,
            derives: self.call.policy.derives(),
        }
    }

    /// Returns the load that has begun, or the wait for another process that loads the same key.
    fn claimed(
        self,
        redis: &RedisStore,
        ticket: Result<FillTicket, Unavailable>,
    ) -> Result<Action, (KeyLoad, Boxed<(usize, Waited)>)> {
        let Claiming { key, call, leader, vacancy, instead, place, placeholder, waits } = self;
        let ticket = ticket.ok().filter(|ticket| ticket.tokens.len() == place.tags().len() + 1);
        let Some(ticket) = ticket else {
            return Ok(begin_without_redis(&call, redis, leader, instead));
        };
        if waits && (ticket.is_anothers() || ticket.is_value()) {
            let flight = (Arc::clone(&call.key), Arc::clone(leader.flight()));
            let destination = Destination::Redis(vacancy);
            let loading = Loading { leader, destination, instead };
            return Err((flight, wait_for_fleet(key, call, loading)));
        }
        let lease = match waits {
            true => redis.lease(place.stored_as(), &ticket, placeholder),
            false => None,
        };
        let goal = Goal::Redis { key: place, ticket };
        Ok(Action::Load(Load::new(&call, leader, goal).or_else(instead).leased(lease)))
    }
}
