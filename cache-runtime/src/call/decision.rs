//! Decides on the use of a value that a store holds.

use super::found::FoundValue;
use super::{Call, early};
use crate::support::clock::millis;
use crate::support::random;
use crate::tiers::policy::Grace;

/// The decision about a value that has been found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Serve,
    /// Serve it, and load another in its place.
    Refresh,
    /// Load, and serve it only if that fails or takes too long.
    Load,
    /// Load: it is too old for this caller. It is fresh for the others.
    TooOld,
    /// Load: the value may be served to no caller.
    Unusable,
}

/// The load that a value needs, unless the last one has just failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The value may be served meanwhile.
    Refresh,
    /// The value may be served only in the place of an error.
    Load,
}

/// The age of a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Age {
    pub(super) age_ms: u64,
    /// The time since its TTL was over; `None` if it is fresh.
    pub(super) stale_for_ms: Option<u64>,
}

/// The values that a caller accepts.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServeLimits {
    /// A value of this age or older is not accepted.
    pub(super) max_age_ms: u64,
    /// The time past its TTL for which this very value may be served.
    pub(super) grace: Grace,
}

impl ServeLimits {
    /// Returns true if a value of this age may be served at all.
    pub(super) fn accept(&self, Age { age_ms, stale_for_ms }: Age) -> bool {
        age_ms < self.max_age_ms && stale_for_ms.is_none_or(|past| past < self.grace.longest_ms())
    }
}

/// Decides on a value of this age. `is_due` returns true if a fresh value is refreshed before its TTL is
/// over. `is_paused` returns true if the last load has just failed, so that none is tried now. Each is
/// called only if it matters.
pub(super) fn decide(
    age: Age,
    limits: ServeLimits,
    is_due: impl FnOnce() -> bool,
    is_paused: impl FnOnce(Wanted) -> bool,
) -> Decision {
    if !limits.accept(age) {
        return if age.stale_for_ms.is_none() { Decision::TooOld } else { Decision::Unusable };
    }
    let wanted = match age.stale_for_ms {
        None if is_due() => Wanted::Refresh,
        None => return Decision::Serve,
        Some(past) if past < limits.grace.while_revalidate_ms => Wanted::Refresh,
        Some(_) => Wanted::Load,
    };
    match wanted {
        wanted if is_paused(wanted) => Decision::Serve,
        Wanted::Refresh => Decision::Refresh,
        Wanted::Load => Decision::Load,
    }
}

/// Decides on a value that a call has found.
pub(super) fn decide_on(call: &Call, found: &FoundValue) -> Decision {
    let hit = &found.hit;
    // The dependencies of a value that replaces another one are not known to a body that inherits.
    let beta = if call.heir.is_some() { 0.0 } else { call.policy.early_refresh };
    let is_due = || {
        call.demands.early
            || (beta > 0.0 && early::is_due(beta, hit.load_micros, hit.left_ms(), random::cheap))
    };
    decide(age(found), limits(call, found), is_due, |wanted| is_paused(call, wanted))
}

/// Returns true if the last load of this key has just failed, so that the next one has to wait, or if the limits of the
/// function hold it up.
fn is_paused(call: &Call, wanted: Wanted) -> bool {
    let waits = |stands_in: bool| wanted == Wanted::Refresh || stands_in;
    let pause = call.core.background.pause(&call.key, call.core.clock.now_ms());
    pause.is_some_and(|pause| waits(pause.stands_in))
        || call.recent_error().is_some_and(|recent| waits(recent.stands_in))
        || call.is_held_up(wanted == Wanted::Load || !call.demands.background)
}

/// Returns the value if this caller accepts it.
pub(super) fn accepted(call: &Call, found: FoundValue) -> Option<FoundValue> {
    limits(call, &found).accept(age(&found)).then_some(found)
}

fn age(FoundValue { hit, .. }: &FoundValue) -> Age {
    Age { age_ms: hit.age_ms, stale_for_ms: hit.stale_for_ms() }
}

fn limits(call: &Call, found: &FoundValue) -> ServeLimits {
    let max_age_ms = call.demands.max_age.map_or(u64::MAX, millis);
    ServeLimits { max_age_ms, grace: call.policy.grace_of(found.hit.value.as_ref()) }
}

#[cfg(test)]
mod tests {
    use super::Decision::{Load, Refresh, Serve, TooOld, Unusable};
    use super::*;

    const ANY: u64 = u64::MAX;

    /// Age and time past the TTL; the oldest age accepted; `stale_while_revalidate` and `stale_if_error`; a
    /// refresh is due, a load has failed lately; and the decision.
    type Row = ((u64, Option<u64>), u64, (u64, u64), (bool, bool), Decision);

    const TABLE: [Row; 22] = [
        // Fresh.
        ((5, None), ANY, (0, 0), (false, false), Serve),
        ((5, None), ANY, (0, 0), (false, true), Serve),
        ((5, None), ANY, (0, 0), (true, false), Refresh),
        ((5, None), ANY, (0, 0), (true, true), Serve),
        // Fresh, and the caller accepts only a younger one.
        ((5, None), 6, (0, 0), (false, false), Serve),
        ((5, None), 5, (0, 0), (false, false), TooOld),
        ((5, None), 5, (0, 0), (true, true), TooOld),
        ((0, None), 0, (0, 0), (false, false), TooOld),
        // Past its TTL, without a grace.
        ((15, Some(0)), ANY, (0, 0), (false, false), Unusable),
        ((15, Some(5)), ANY, (0, 0), (true, true), Unusable),
        // While it is refreshed.
        ((15, Some(5)), ANY, (6, 0), (false, false), Refresh),
        ((15, Some(5)), ANY, (6, 0), (false, true), Serve),
        ((15, Some(5)), ANY, (6, 9), (false, false), Refresh),
        ((15, Some(5)), ANY, (5, 0), (false, false), Unusable),
        // If the load fails.
        ((15, Some(5)), ANY, (0, 6), (false, false), Load),
        ((15, Some(5)), ANY, (5, 6), (true, false), Load),
        ((15, Some(5)), ANY, (0, 6), (false, true), Serve),
        ((15, Some(5)), ANY, (0, 5), (false, false), Unusable),
        ((15, Some(5)), ANY, (0, ANY), (false, false), Load),
        // Past its TTL, and the caller accepts only a younger one.
        ((15, Some(5)), 16, (6, 0), (false, false), Refresh),
        ((15, Some(5)), 15, (6, 0), (false, false), Unusable),
        ((15, Some(5)), 15, (6, 6), (false, true), Unusable),
    ];

    #[test]
    fn a_value_is_served_refreshed_or_loaded_by_its_age() {
        for row in TABLE {
            let ((age_ms, stale_for_ms), max_age_ms, (revalidate, error), (due, failed), expected) =
                row;
            let grace = Grace { while_revalidate_ms: revalidate, if_error_ms: error, keep_ms: ANY };
            let limits = ServeLimits { max_age_ms, grace };
            let decision = decide(Age { age_ms, stale_for_ms }, limits, || due, |_| failed);
            assert_eq!(decision, expected, "{row:?}");
        }
    }
}
