//! Requests of a caller beyond the output of a call: see [`CacheEntry`](crate::CacheEntry).

use std::sync::Arc;
use std::time::Duration;

use super::decision::accepted;
use super::found::{FoundValue, Served};
use super::load::{Action, Goal, Load};
use super::replace::begin_put;
use super::report::count_hit;
use super::retry::{Patience, alone};
use super::sharing::shared_output;
use super::waiting::{WaitError, wait, wait_before};
use super::{Call, recursion};
use crate::deferral::{self, Holding};
use crate::error::Error;
use crate::flight::{Leader, Role, Ticket};
use crate::site::Coalesce;
use crate::support::boxed::boxed;
use crate::tiers::dependencies::Brought;
use crate::tiers::invalidate::Targets;
use crate::tiers::key::CallKey;
use crate::tiers::policy::Refusal;
use crate::tiers::put::{Overtaken, Worth};
use crate::tiers::reading::ReadResult;
use crate::tiers::store_outcome::PutOutcome;
use crate::value::ValueRef;

/// Returns the value that is stored and fresh. It is not counted.
pub(crate) async fn peek(call: &Call) -> Option<Served> {
    find(call, 0).await.map(Served::found)
}

/// Returns the value that can be served without a load, and counts it.
pub(crate) async fn cached(call: &Call) -> Option<Served> {
    let found = find(call, call.policy.grace.while_revalidate_ms).await;
    match &found {
        Some(found) => count_hit(call, found),
        None => call.counters.slow.misses.one(),
    }
    found.map(Served::found)
}

async fn find(call: &Call, grace_ms: u64) -> Option<FoundValue> {
    let found = match call.core.read(&call.key, call.ask(grace_ms)).await {
        ReadResult::Memory(hit) => FoundValue::in_memory(hit),
        ReadResult::Redis(hit, at) => FoundValue::in_redis(hit, at),
        ReadResult::Miss(_) | ReadResult::Unavailable => return None,
    };
    accepted(call, found)
}

/// Begins a load that was requested directly, and replaces the present entry.
pub(crate) async fn begin_refresh(call: &Arc<Call>) -> Action {
    if call.reads_only() {
        call.loses_dependencies();
        return Action::Bypass;
    }
    let leader = match boxed(|| join_refresh(call)).await {
        Ok(leader) => leader,
        Err(served) => return Action::Return(served),
    };
    // Later callers must not share a body that begins now: it may miss a change that they already made.
    leader.seal();
    let (put, overtaken) = (begin_put(call, 0).await, Overtaken::Goes);
    Action::Load(Load::new(call, leader, Goal::Place { put, overtaken }))
}

/// Leads the next load that is requested directly, or waits for that of another caller. A load that began
/// earlier does not serve this caller: the data may have changed between its beginning and this request.
async fn join_refresh(call: &Call) -> Result<Leader<CallKey>, Served> {
    let (core, key) = (&call.core, &call.key);
    if call.policy.coalesce == Coalesce::Off || recursion::is_inside(key) {
        return Ok(alone(call));
    }
    let (asked, mut patience) = (Ticket::now(), Patience::default());
    loop {
        // Invalidations in between do not matter: the load begins after them.
        let follower = match core.renewals.join(key, asked, &core.generations, || &[]) {
            Role::Follow(follower) => follower,
            Role::Lead(mut leader) => {
                if let Some(before) = leader.predecessor()
                    && wait_before(call, &leader, &before).await.is_err()
                {
                    leader.overtake(&before);
                }
                return Ok(leader);
            }
        };
        match wait(call, &follower).await {
            Ok(outcome) => {
                if let Some(served) = shared_output(call, &outcome) {
                    return Err(served);
                }
                if !patience.bears(&outcome)
                    && let Some(leader) = patience.retry(call).await
                {
                    return Ok(leader);
                }
            }
            Err(WaitError::Circle) => return Ok(alone(call)),
            Err(WaitError::TooLong) => core.renewals.give_up(key, &follower),
        }
    }
}

/// Stores a value directly.
///
/// # Errors
/// As [`CacheEntry::put`](crate::CacheEntry::put).
pub(crate) async fn put(
    call: &Call,
    function: &'static str,
    value: ValueRef<'_>,
) -> Result<(), Error> {
    if call.reads_only() {
        // The value may follow from a row that is not committed.
        let name = || Targets::name(call.key.name().as_str());
        deferral::queue(|| Holding::of_targets(&call.core, name()));
        return Ok(());
    }
    if call.policy.inherits.is_any() {
        deferral::invalidate(&call.core, Targets::name(call.key.name().as_str())).await;
        let reason = "its function has `inherit`, and the dependencies of the value are not known; the entry was removed";
        return Err(Error::NotStored { function, reason });
    }
    let life = call.policy.life(value);
    let (ttl, tags) = match life.and_then(|ttl| Ok((ttl, call.policy.derived_tags(value)?))) {
        Ok(kept) => kept,
        Err(refusal) => {
            deferral::invalidate(&call.core, Targets::name(call.key.name().as_str())).await;
            let reason = match refusal {
                Refusal::Unwanted => {
                    "`cache_if`, `cache_none`, `bypass_if` or a `ttl` of zero excludes it; the entry was removed"
                }
                Refusal::Panics("ttl") => "its `ttl` panics; the entry was removed",
                Refusal::Panics("tags_of") => "`tags_of` panics; the entry was removed",
                Refusal::Panics(_) => "`cache_if` panics; the entry was removed",
                Refusal::Tags(_) => {
                    "`tags_of` returns tags that cannot be used; the entry was removed"
                }
            };
            return Err(Error::NotStored { function, reason });
        }
    };
    let (grace, coding) = (call.policy.grace_of(value), call.policy.coding);
    let weight = call.weight(value);
    let brought = Brought { tags: &tags, inherited: None };
    let worth = Worth { value, ttl, grace, coding, weight, took: Duration::ZERO, brought };
    let set = call.core.set(&call.key, call.stores, &worth, &call.counters).await?;
    if set == PutOutcome::Stored {
        call.counters.slow.stores.one();
    }
    Ok(())
}
