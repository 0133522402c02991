//! The first half of a call: reads the stores, decides, and acts on the decision.

use std::mem;

use super::decision::{Decision, decide_on};
use super::found::{FoundValue, Served};
use super::report::{note_alike, served};
use super::retry::{Patience, alone};
use super::sharing::{pass, pass_recent, shared_output};
use super::stale::{load_or_serve, refresh_or_serve, refresh_under_way};
use super::step::{Destination, Loading, Step};
use super::verify::serve;
use super::waiting::{WaitError, wait, wait_before};
use super::{Call, recursion};
use crate::flight::{FlightOutcome, Follower, Leader, Role, Ticket};
use crate::site::Coalesce;
use crate::support::boxed::boxed;
use crate::support::clock;
use crate::tiers::core::Stores;
use crate::tiers::examine::{Leftover, Vacancy};
use crate::tiers::key::CallKey;
use crate::tiers::reading::ReadResult;

/// Looks for a value in the stores, and joins or leads a flight if there is none.
pub(crate) async fn look(call: &Call) -> Step {
    let (core, key) = (&call.core, &call.key);
    if recursion::is_inside(key) {
        return Step::Load(Box::new(loading(alone(call), Destination::Caller)));
    }
    if call.stores == Stores::Memory {
        // In a forked process the coarse clock stands still. No request to Redis will find that out.
        clock::look_after();
        if let Some(redis) = &core.redis {
            // Nor will one make a connection, over which the invalidations of other processes are received.
            redis.connect_here();
        }
    }
    if let Some(step) = look_at_hand(call) {
        return step;
    }
    match board(call).await {
        Ok(leader) => lead(call, leader).await,
        Err(served) => Step::Done(served),
    }
}

/// Joins the flight of a call and waits for its outcome, or opens the flight.
///
/// # Errors
/// The output, if another caller leads and its outcome can be used.
async fn board(call: &Call) -> Result<Leader<CallKey>, Served> {
    let (core, key) = (&call.core, &call.key);
    if call.policy.coalesce == Coalesce::Off {
        return Ok(alone(call));
    }
    let (asked, mut patience) = (Ticket::now(), Patience::default());
    loop {
        let follower = match core.flights.join(key, asked, &core.generations, || key.slots()) {
            Role::Lead(leader) => return Ok(leader),
            Role::Follow(follower) => follower,
        };
        // The future is boxed. Most callers lead, and need no place for it.
        match boxed(|| wait(call, &follower)).await {
            Ok(outcome) => {
                if let Some(served) = shared_output(call, &outcome) {
                    return Err(served);
                }
                // A value that is too old, or of another type that was stored directly under the same name,
                // counts as no value.
                if !patience.bears(&outcome)
                    && let Some(leader) = boxed(|| patience.retry(call)).await
                {
                    return Ok(leader);
                }
            }
            Err(WaitError::Circle) => return Ok(alone(call)),
            // The first caller to reach the wait limit leads the next flight; the others join it.
            Err(WaitError::TooLong) => core.flights.give_up(key, &follower),
        }
    }
}

/// Looks in memory for a value that is due for a refresh while it is served. No caller waits for this
/// refresh.
fn look_at_hand(call: &Call) -> Option<Step> {
    let grace_ms = call.policy.grace.while_revalidate_ms;
    if call.stores != Stores::Memory
        || call.heir.is_some()
        || (grace_ms == 0 && call.policy.early_refresh <= 0.0)
    {
        return None;
    }
    let hit = call.core.value_in_memory(&call.key, call.policy.of, grace_ms)?;
    let found = FoundValue::in_memory(hit);
    call.offer(&found);
    match decide_on(call, &found) {
        Decision::Serve => Some(serve(call, found)),
        Decision::Refresh => Some(match open_refresh(call) {
            Some(refresh) => refresh_or_serve(call, refresh, found),
            None => Step::Done(served(call, found)),
        }),
        Decision::Load | Decision::TooOld | Decision::Unusable => None,
    }
}

async fn lead(call: &Call, mut leader: Leader<CallKey>) -> Step {
    if let Some(predecessor) = leader.predecessor() {
        match boxed(|| wait_for_predecessor(call, leader, predecessor)).await {
            Ok(now) => leader = now,
            Err(served) => return Step::Done(served),
        }
    }
    // A flight may have landed since this caller looked in memory. A value that is read from Redis from here
    // on is younger than every caller that has joined so far. If memory may answer reads as well, further
    // callers may join until an invalidation of the value is received.
    let core = &call.core;
    let in_memory = call.stores == Stores::Memory;
    let ask = call.ask(call.policy.grace.longest_ms());
    let strict = !ask.relies;
    // The generations of tags that the value brings are not compared when a caller joins.
    let seals_first = strict || call.policy.derives();
    if seals_first {
        leader.seal();
    } else if !in_memory {
        leader.rely_on_lease();
    }
    // The future is boxed. With that of the client in it, it exceeds a kilobyte. Allocators have no fast path
    // for such blocks, and a call that follows another one needs none of it.
    let result = boxed(|| core.read(&call.key, ask)).await;
    if !seals_first && !in_memory {
        leader.seal();
    }
    let (found, destination) = place(call, result);
    if let Some(found) = &found {
        call.offer(found);
    }
    let found = found.map(|found| (decide_on(call, &found), found));
    match found {
        Some((Decision::Serve, found)) => {
            pass(call, leader, &found);
            return serve(call, found);
        }
        Some((Decision::Refresh, found)) => {
            let refresh = open_refresh(call);
            pass(call, leader, &found);
            return match refresh {
                Some(refresh) => refresh_or_serve(call, refresh, found),
                None => Step::Done(served(call, found)),
            };
        }
        Some((Decision::Load, found)) => {
            // The value does not stand in for it: otherwise, it would be served.
            if let Some(recent) = call.known_error(&leader) {
                return Step::Done(pass_recent(call, leader, recent));
            }
            return boxed(|| load_or_serve(call, leader, destination, found)).await;
        }
        // The leader has passed the value on to its followers.
        Some((Decision::TooOld, found)) if !leader.is_alone() => {
            pass(call, mem::replace(&mut leader, alone(call)), &found);
        }
        Some((Decision::TooOld | Decision::Unusable, _)) | None => {}
    }
    if let Some(recent) = call.known_error(&leader) {
        return Step::Done(pass_recent(call, leader, recent));
    }
    if strict && call.stores == Stores::Tiered {
        // The read may have made the noted generations stale. They are noted again, since the load has not
        // begun.
        leader.note_again(&core.generations, call.key.slots());
    }
    boxed(|| load_or_follow(call, leader, destination)).await
}

/// Returns the value that was found, and the place of the one that may be loaded instead.
pub(super) fn place(call: &Call, result: ReadResult) -> (Option<FoundValue>, Destination) {
    let in_memory = call.stores == Stores::Memory;
    match result {
        ReadResult::Memory(hit) if in_memory => {
            (Some(FoundValue::in_memory(hit)), Destination::Memory)
        }
        ReadResult::Memory(hit) => (Some(FoundValue::in_memory(hit)), Destination::Outage),
        ReadResult::Redis(hit, at) => {
            let vacancy = Vacancy { place: at.place, ..Vacancy::NOTHING };
            (Some(FoundValue::in_redis(hit, at)), Destination::Redis(vacancy))
        }
        ReadResult::Miss(_) if in_memory => (None, Destination::Memory),
        ReadResult::Miss(Vacancy { leftover: Leftover::Alike(_), .. }) => {
            note_alike(call);
            (None, Destination::Nowhere)
        }
        ReadResult::Miss(vacancy) => {
            if vacancy.undecodable {
                call.counters.slow.decode_failures.one();
            }
            (None, Destination::Redis(vacancy))
        }
        ReadResult::Unavailable => (None, Destination::Outage),
    }
}

/// Waits for the flight before this one. Passes its outcome on to the callers that it may serve.
async fn wait_for_predecessor(
    call: &Call,
    leader: Leader<CallKey>,
    predecessor: Follower,
) -> Result<Leader<CallKey>, Served> {
    let Ok(outcome) = wait_before(call, &leader, &predecessor).await else {
        leader.overtake(&predecessor);
        return Ok(leader);
    };
    match shared_output(call, &outcome) {
        Some(served) => {
            leader.pass_on(&predecessor, outcome);
            Err(served)
        }
        None => Ok(leader),
    }
}

/// Loads, unless a background refresh is under way.
async fn load_or_follow(call: &Call, leader: Leader<CallKey>, destination: Destination) -> Step {
    // While an entry in Redis is refreshed, it stays there. If it is gone, it was invalidated, and the
    // refresh is useless.
    let is_replaced = match &destination {
        Destination::Memory => true,
        Destination::Redis(vacancy) => matches!(vacancy.leftover, Leftover::Expired(_)),
        _ => false,
    };
    if call.demands.background
        && is_replaced
        && let Some(follower) = refresh_under_way(call)
        && let Some(outcome) = wait_or_give_up(call, &follower).await
        && let Some(served) = shared_output(call, &outcome)
    {
        leader.pass_on(&follower, outcome);
        return Step::Done(served);
    }
    call.counters.slow.misses.one();
    Step::Load(Box::new(loading(leader, destination)))
}

/// Waits for a load that runs in the background. At the wait limit, another load may take its place.
async fn wait_or_give_up(call: &Call, follower: &Follower) -> Option<FlightOutcome> {
    let outcome = wait(call, follower).await;
    if let Err(WaitError::TooLong) = outcome {
        call.core.background.refreshes.give_up(&call.key, follower);
    }
    outcome.ok()
}

pub(super) fn loading(leader: Leader<CallKey>, destination: Destination) -> Loading {
    leader.reopen();
    Loading { leader, destination, instead: None }
}

/// Opens the flight that replaces a value while it is served; `None` if one is under way.
pub(super) fn open_refresh(call: &Call) -> Option<Leader<CallKey>> {
    let (core, key) = (&call.core, &call.key);
    core.background.refreshes.open(key, &core.generations, key.slots())
}
