//! Compares loaded values with the expired ones that they replace.
//!
//! A value that has not changed need not have been loaded: the TTL of its function is too short. Memory holds an
//! expired value until another one takes its place. Only a part of the loads is compared.

use super::Call;
use crate::support::panics::unless_panicking;
use crate::value::ValueRef;

/// Compares a loaded value with the one in memory whose TTL is over, if there is one and this load is in the sample.
pub(super) fn compare_with_expired(call: &Call, value: ValueRef<'_>) {
    if !call.counters.compares_reload() {
        return;
    }
    // An invalidated value is not found. It was loaded again for another reason.
    let found = call.core.kept_in_memory(&call.key, call.policy.of, u64::MAX);
    let Some((expired, _)) = found.filter(|(hit, _)| hit.stale_for_ms().is_some()) else { return };
    let likeness = call.policy.coding.likeness;
    let compare = || likeness.compares(value, expired.value.as_ref());
    let Some(Some(is_same)) = unless_panicking(compare) else { return };
    call.counters.slow.reloads_compared.one();
    if is_same {
        call.counters.slow.reloads_unchanged.one();
    }
}
