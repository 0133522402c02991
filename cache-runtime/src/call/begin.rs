//! Begins a load: takes the steps before its body runs.

use std::sync::Arc;

use super::Call;
use super::fleet::{Claim, claim};
use super::found::{FoundValue, Served};
use super::load::{Action, Goal, Load};
use super::replace::begin_put_over;
use super::report::{count_stale, served};
use super::sharing::pass_loaded;
use super::step::{Destination, Loading};
use crate::flight::Leader;
use crate::redis::RedisStore;
use crate::support::boxed::boxed;
use crate::tiers::examine::Vacancy;
use crate::tiers::key::CallKey;
use crate::tiers::put::Overtaken;
use crate::tiers::store_outcome::StoreOutcome;

/// Begins a load.
///
/// Cancel safe: if it is dropped, a waiting caller takes over.
pub(crate) async fn begin(call: &Arc<Call>, loading: Loading) -> Action {
    let mut bytes = None;
    let action = begin_anywhere(call, loading, &mut bytes).await;
    let body = match &action {
        Action::Load(load) => load.inheriting_body(),
        Action::Return(_) | Action::Bypass => None,
    };
    if let Some(body) = body {
        boxed(|| call.offer_inherited(body, bytes)).await;
    }
    action
}

/// Does the same. Sets the bytes of an old entry whose dependencies have to be compared.
async fn begin_anywhere(call: &Arc<Call>, loading: Loading, bytes: &mut Option<Vec<u8>>) -> Action {
    let Loading { leader, destination, instead } = loading;
    match (destination, &call.core.redis) {
        (Destination::Caller, _) => Action::Bypass,
        (Destination::Place(found), _) => match begin_put_over(call, found.version).await {
            Some(put) => {
                let goal = Goal::Place { put, overtaken: Overtaken::Stays };
                Action::Load(Load::new(call, leader, goal).or_else(Some(found)))
            }
            None => Action::Return(served(call, found)),
        },
        (Destination::Redis(vacancy), Some(redis)) => {
            boxed(|| begin_in_redis(call, redis, leader, (vacancy, bytes), instead)).await
        }
        (Destination::Nowhere, _) => {
            let goal = Goal::Nowhere(StoreOutcome::Alike);
            Action::Load(Load::new(call, leader, goal).or_else(instead))
        }
        (Destination::Outage, Some(redis)) => begin_without_redis(call, redis, leader, instead),
        (Destination::Memory | Destination::Redis(_) | Destination::Outage, _) => {
            if instead.is_none() {
                call.offer_from_memory();
            }
            let goal = Goal::Memory { limit: None };
            Action::Load(Load::new(call, leader, goal).or_else(instead))
        }
    }
}

/// Begins a load while Redis is unavailable. Its value is kept in memory, and is not used once Redis is
/// available again.
pub(super) fn begin_without_redis(
    call: &Arc<Call>,
    redis: &RedisStore,
    leader: Leader<CallKey>,
    instead: Option<FoundValue>,
) -> Action {
    // The outage began a new epoch, so the generations are noted again. They are noted before the check of
    // Redis: if Redis is available again before the value is stored, the value is stale.
    leader.note_again(&call.core.generations, call.key.slots());
    // One operation has failed, but Redis is available. Invalidations by other processes are not received
    // here, so the value is neither kept nor shared.
    let limit = Some(call.core.config.outage_ttl);
    let goal = if redis.usable() {
        Goal::Nowhere(StoreOutcome::Unavailable)
    } else {
        Goal::Memory { limit }
    };
    Action::Load(Load::new(call, leader, goal).or_else(instead))
}

async fn begin_in_redis(
    call: &Arc<Call>,
    redis: &RedisStore,
    leader: Leader<CallKey>,
    (mut vacancy, bytes): (Vacancy, &mut Option<Vec<u8>>),
    instead: Option<FoundValue>,
) -> Action {
    let old = call.old_entry(&mut vacancy);
    match claim(call, redis, &leader, vacancy, instead.is_some()).await {
        Claim::Granted(key, ticket, lease) => {
            *bytes = call.offer_old(old, ticket.tokens.first());
            let goal = Goal::Redis { key, ticket };
            Action::Load(Load::new(call, leader, goal).or_else(instead).leased(lease))
        }
        Claim::Found(found) => {
            pass_loaded(call, leader, &found);
            // The call was counted as a miss before.
            call.counters.slow.coalesced.one();
            count_stale(call, found.is_stale());
            Action::Return(Served::found(found))
        }
        Claim::Alike => {
            let goal = Goal::Nowhere(StoreOutcome::Alike);
            Action::Load(Load::new(call, leader, goal).or_else(instead))
        }
        Claim::Unavailable => begin_without_redis(call, redis, leader, instead),
    }
}
