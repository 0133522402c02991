//! Decides how a value that may be served is replaced: in the background, or by this caller.

use super::Call;
use super::found::FoundValue;
use super::report::served;
use super::sharing::{pass, shared_output};
use super::step::{Ahead, BackgroundRefresh, Destination, Loading, Step};
use crate::flight::{FlightOutcome, Follower, Leader, Ticket};
use crate::support::runtime;
use crate::support::timer::timeout;
use crate::tiers::key::CallKey;

/// Serves a value and refreshes it in a task, or in this caller. Without a free place for the task, the value
/// is not refreshed.
pub(super) fn refresh_or_serve(call: &Call, refresh: Leader<CallKey>, found: FoundValue) -> Step {
    let runtime = runtime::of_call();
    if !call.demands.background || (runtime.is_none() && found.is_stale()) {
        if found.is_stale() {
            call.counters.slow.misses.one();
        }
        let destination = Destination::Place(found);
        return Step::Load(Box::new(Loading { leader: refresh, destination, instead: None }));
    }
    match runtime.and_then(|runtime| call.core.background.place(runtime, &call.key)) {
        Some(slot) => {
            let refresh = BackgroundRefresh { refresh, slot, found, ahead: None };
            Step::BackgroundRefresh(Box::new(refresh))
        }
        None => Step::Done(served(call, found)),
    }
}

/// Loads while a value is available that may be served only if the load fails, or takes too long.
pub(super) async fn load_or_serve(
    call: &Call,
    leader: Leader<CallKey>,
    destination: Destination,
    found: FoundValue,
) -> Step {
    let limit = call.policy.load_timeout.filter(|_| call.demands.background);
    if let (Some(limit), Some(runtime)) = (limit, runtime::of_call()) {
        if let Some(follower) = refresh_under_way(call) {
            let limit = limit.saturating_sub(follower.elapsed());
            return first_of(call, Ahead { leader, limit, destination }, &follower, found).await;
        }
        let (core, key) = (&call.core, &call.key);
        let slot = core.background.place(runtime, key);
        if slot.is_none() && core.config.max_background_loads > 0 {
            // Without a slot, this caller would have to run the load itself, without a limit to its wait.
            pass(call, leader, &found);
            return Step::Done(served(call, found));
        }
        let open = || core.background.refreshes.open(key, &core.generations, key.slots());
        if let Some(slot) = slot
            && let Some(refresh) = open()
        {
            let ahead = Some(Ahead { leader, limit, destination });
            let refresh = BackgroundRefresh { refresh, slot, found, ahead };
            return Step::BackgroundRefresh(Box::new(refresh));
        }
    }
    load_instead_of(call, leader, destination, found)
}

/// Loads in this caller. The stored value stays until the load has succeeded.
fn load_instead_of(
    call: &Call,
    leader: Leader<CallKey>,
    destination: Destination,
    found: FoundValue,
) -> Step {
    call.counters.slow.misses.one();
    leader.reopen();
    Step::Load(Box::new(Loading { leader, destination, instead: Some(found) }))
}

/// Returns the load of this key that runs in the background, if there is one.
pub(super) fn refresh_under_way(call: &Call) -> Option<Follower> {
    let core = &call.core;
    core.background.refreshes.follow(&call.key, Ticket::now(), &core.generations)
}

/// Returns the outcome of a load that runs in the background. Returns the found value if the load takes too
/// long, or fails with an error for which it stands in.
pub(super) async fn first_of(
    call: &Call,
    ahead: Ahead,
    follower: &Follower,
    found: FoundValue,
) -> Step {
    let Ahead { leader, limit, destination } = ahead;
    if let Ok(outcome) = timeout(limit, follower.outcome()).await {
        let refused = follower.refuses_stale();
        if (refused || matches!(outcome, FlightOutcome::Value(_)))
            && let Some(served) = shared_output(call, &outcome)
        {
            leader.pass_on(follower, outcome);
            return Step::Done(served);
        }
        if refused {
            // The error cannot be shared.
            return load_instead_of(call, leader, destination, found);
        }
    }
    pass(call, leader, &found);
    Step::Done(served(call, found))
}
