//! Counts and logs the outcomes of calls.

use std::time::Duration;

use super::Call;
use super::found::{FoundValue, Served};
use crate::stats::seldom::Reason;
use crate::support::clock::micros;
use crate::tiers::core::DIRECT;
use crate::tiers::origin::Source;

/// Serves a value that a store has answered with, and counts it.
pub(super) fn served(call: &Call, found: FoundValue) -> Served {
    count_hit(call, &found);
    Served::found(found)
}

/// Counts a value that a store has answered with.
pub(super) fn count_hit(call: &Call, found: &FoundValue) {
    count_found(call, found.source, found.hit.load_micros);
    count_stale(call, found.is_stale());
}

pub(super) fn count_found(call: &Call, source: Source, load_micros: u64) {
    match source {
        Source::Redis => {
            call.counters.slow.redis_hits.one();
            call.counters.slow.saved_micros.add(load_micros);
        }
        _ => call.counters.memory_hit(load_micros),
    }
}

/// Counts a value that is served past its TTL.
pub(super) fn count_stale(call: &Call, is_stale: bool) {
    if is_stale {
        call.counters.slow.stale_served.one();
    }
}

/// Counts the run of a body, and how long it took.
pub(super) fn count_load(call: &Call, took: Duration) {
    call.counters.slow.loads.one();
    call.counters.slow.load_micros.add(micros(took));
    call.counters.load_times.record(took);
}

/// Counts and logs that the stored value was loaded for other arguments.
pub(super) fn note_alike(call: &Call) {
    call.counters.slow.not_stored.one();
    call.key.tell_alike();
}

/// Logs that a load has failed, and the consequence.
pub(super) fn say_failed(call: &Call, reason: Reason, error: &dyn Fn() -> String, what: &str) {
    let (function, name) = (call.key.function(), call.key.name());
    call.core.seldom(function.unwrap_or(DIRECT), reason, |times| {
        let error = error();
        tracing::warn!(function, name = name.as_str(), error, times, "{what}");
    });
}

/// Logs that a source fails, or that it has recovered.
pub(super) fn say_breaker(call: &Call, source: &str, opened: bool) {
    let reason = if opened { Reason::SourceFails } else { Reason::SourceRecovers };
    call.core.seldom(source, reason, |times| {
        if opened {
            tracing::warn!(
                source,
                times,
                "this source fails: its breaker is open, and its bodies are tried one at a time, with pauses"
            );
        } else {
            tracing::info!(source, times, "this source has recovered: its breaker is closed");
        }
    });
}

/// Logs that the arguments of a call cannot be copied for a task, and what that means for the load.
pub(super) fn say_not_copied(call: &Call, load: &str) {
    let function = call.key.function();
    call.core.seldom(function.unwrap_or(DIRECT), Reason::Panics("Clone"), |times| {
        tracing::error!(
            function,
            times,
            "the `Clone` of an argument panics where it is copied for {load}; correct it"
        );
    });
}

/// Logs that `serve_stale_if` panics.
pub(super) fn say_undecided(call: &Call) {
    let function = call.key.function();
    call.core.seldom(function.unwrap_or(DIRECT), Reason::Panics("serve_stale_if"), |times| {
        tracing::error!(
            function,
            times,
            "`serve_stale_if` panics, so a stale value stands in for the error; correct it"
        );
    });
}

/// Logs that `still_current` panics.
pub(super) fn say_unconfirmed(call: &Call) {
    let function = call.key.function();
    call.core.seldom(function.unwrap_or(DIRECT), Reason::Panics("still_current"), |times| {
        tracing::error!(
            function,
            times,
            "`still_current` panics, so the body runs as if the value had changed; correct it"
        );
    });
}

/// Logs that a load in the background has failed, with an error for which a stale value may stand in or not.
pub(super) fn say_failed_in_background(call: &Call, error: &str, stands_in: bool) {
    let what = if stands_in {
        "a background refresh failed; the stale value is served until it is too old"
    } else {
        "a background refresh failed; by `serve_stale_if`, no stale value stands in for the error"
    };
    say_failed(call, Reason::FailedInBackground, &|| error.to_owned(), what);
}

/// Logs that a detached load has failed, and that no caller has received the error.
pub(super) fn say_unclaimed(call: &Call, error: &str) {
    let what = "a detached load failed after its caller had given up";
    say_failed(call, Reason::FailedInBackground, &|| error.to_owned(), what);
}

/// Counts and logs that a load in the background has taken longer than it may.
pub(super) fn give_up(call: &Call, limit: Duration, what: &str) {
    call.counters.slow.load_errors.one();
    call.note_failure(true);
    let error = || format!("it took longer than {limit:?} (CACHE_MAX_LOAD)");
    say_failed(call, Reason::GivenUp, &error, what);
}
