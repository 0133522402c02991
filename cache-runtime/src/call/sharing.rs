//! Shares the value or the error of one caller with the followers of its flight.

use std::sync::Arc;
use std::time::Duration;

use super::Call;
use super::found::{Failure, FoundValue, Served};
use super::report::{count_found, count_stale};
use crate::config::Ttl;
use crate::flight::{FlightOutcome, Leader};
use crate::redis::FillOutcome;
use crate::tiers::core::Stores;
use crate::tiers::key::CallKey;
use crate::tiers::origin::{Origin, Source};
use crate::tiers::recent_errors::RecentError;
use crate::value::Value;

/// A value on its way to the followers.
struct SharedValue {
    value: Value,
    origin: Origin,
    /// The load time that is saved, if a store had it; `None` if a load was waited for.
    saved_micros: Option<u64>,
}

/// Ends a flight with a stored value.
pub(super) fn pass(call: &Call, leader: Leader<CallKey>, found: &FoundValue) {
    pass_counted(call, leader, found, Some(found.hit.load_micros));
}

/// Ends a flight with a value that another process has loaded, after a wait.
pub(super) fn pass_loaded(call: &Call, leader: Leader<CallKey>, found: &FoundValue) {
    pass_counted(call, leader, found, None);
}

fn pass_counted(
    call: &Call,
    leader: Leader<CallKey>,
    found: &FoundValue,
    saved_micros: Option<u64>,
) {
    // If the value brings dependencies, the flight was sealed before they were compared.
    if call.stores == Stores::Memory && !call.policy.derives() {
        // The followers have joined while the generations noted before the read were unchanged.
        leader.seal();
    }
    leader.land(|| {
        FlightOutcome::Value(Arc::new(SharedValue {
            value: found.hit.value.clone(),
            origin: found.origin(),
            saved_micros,
        }))
    });
}

/// Ends a load whose value is valid for all waiting callers. `ttl` is that with which it is stored, if it is.
pub(super) fn land(leader: Leader<CallKey>, value: &Value, ttl: Option<Ttl>) {
    leader.land(|| {
        loaded(value, ttl).map_or(FlightOutcome::Failed, |value| FlightOutcome::Value(value))
    });
}

/// Ends a load whose value may be from before an invalidation.
pub(super) fn land_outdated(leader: Leader<CallKey>, value: &Value) {
    leader.land(|| FlightOutcome::Outdated(loaded(value, None).map(|value| value as _)));
}

/// Ends a load by the reply of Redis: its value is valid for all waiting callers if Redis has stored it.
pub(super) fn land_filled(
    leader: Leader<CallKey>,
    value: &Value,
    filled: Option<FillOutcome>,
    ttl: Option<Ttl>,
) {
    match filled {
        Some(FillOutcome::Stored) => land(leader, value, ttl),
        Some(FillOutcome::Refused | FillOutcome::Outdated) | None => land_outdated(leader, value),
    }
}

/// The answer that a key has no value, which only callers of many keys can use.
struct NoValue;

/// Ends a load that has found no value. `is_current` is true if that is so for all waiting callers.
pub(super) fn land_absent(leader: Leader<CallKey>, is_current: bool) {
    leader.land(|| match is_current {
        true => FlightOutcome::Value(Arc::new(NoValue)),
        false => FlightOutcome::Outdated(Some(Arc::new(NoValue))),
    });
}

/// Returns true if the outcome of a flight is that its key has no value, and counts it.
pub(super) fn is_absent(call: &Call, outcome: &FlightOutcome) -> bool {
    let is_absent = call.heir.is_none()
        && matches!(outcome, FlightOutcome::Value(value) if value.is::<NoValue>());
    if is_absent {
        call.counters.slow.coalesced.one();
        call.counters.slow.misses.one();
    }
    is_absent
}

/// Returns a clone of a value that has just been loaded, for the followers; `None` if its `Clone` panics.
///
/// The caller that has loaded the value keeps the original.
fn loaded(value: &Value, ttl: Option<Ttl>) -> Option<Arc<SharedValue>> {
    let (value, origin) = (value.as_ref().cloned()?, Origin::stored(Source::Shared, ttl));
    Some(Arc::new(SharedValue { value, origin, saved_micros: None }))
}

/// Returns the outcome of a flight as the output of a call that waited for it, and counts it. Returns `None`
/// if the flight has no output for this call, or the value is too old or of another type.
pub(super) fn shared_output(call: &Call, outcome: &FlightOutcome) -> Option<Served> {
    let (output, origin, saved_micros) = match outcome {
        // The dependencies of the value are not known here. The call reads it again, from the store.
        FlightOutcome::Value(_) if call.heir.is_some() => return None,
        FlightOutcome::Value(shared) => {
            let SharedValue { value, origin, saved_micros } = shared.downcast_ref()?;
            let too_old = call.demands.max_age.is_some_and(|max_age| origin.age >= max_age);
            if too_old || value.of().id() != call.policy.of.id() {
                return None;
            }
            (Ok(value.clone()), *origin, *saved_micros)
        }
        FlightOutcome::Error(error) => {
            call.loses_dependencies();
            if let Some(recent) = error.downcast_ref::<RecentError>() {
                call.shares.filter(|is_ours| is_ours(&recent.error))?;
                return Some(failed_lately(call, recent));
            }
            call.shares.filter(|is_ours| is_ours(error))?;
            (Err(Failure::Shared(Arc::clone(error))), Origin::new(Source::Shared), None)
        }
        FlightOutcome::Failed
        | FlightOutcome::Outdated(_)
        | FlightOutcome::Abandoned
        | FlightOutcome::Panicked => return None,
    };
    match saved_micros {
        // The read of another caller has found it, so no load was waited for.
        Some(saved_micros) => count_found(call, origin.source, saved_micros),
        None => {
            call.counters.slow.coalesced.one();
            call.counters.slow.misses.one();
        }
    }
    count_stale(call, origin.stale);
    Some(Served { output, origin })
}

/// Ends a flight with the error of an earlier load. Returns it as the output of its leader.
pub(super) fn pass_recent(call: &Call, leader: Leader<CallKey>, recent: RecentError) -> Served {
    let served = failed_lately(call, &recent);
    leader.land(|| FlightOutcome::Error(Arc::new(recent)));
    served
}

/// Returns the error of an earlier load as an output, and counts it.
fn failed_lately(call: &Call, recent: &RecentError) -> Served {
    // Memory keeps the error without the tokens of its tags.
    call.loses_dependencies();
    call.counters.slow.error_hits.one();
    let age_ms = call.core.clock.now_ms().saturating_sub(recent.failed_ms);
    let origin = Origin { age: Duration::from_millis(age_ms), ..Origin::new(Source::Memory) };
    Served { output: Err(Failure::Shared(Arc::clone(&recent.error))), origin }
}
