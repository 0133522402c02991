//! Compares a value that is served with the value that its source has now.
//!
//! No caller waits, and nothing is stored. A difference has causes other than a missing invalidation, so it counts
//! only if it is still there at a second look:
//!
//! ```text
//! read the entry -> body -> is it the same entry? -- no --> raced
//!                               | yes
//!                           equal values? -- yes --> consistent
//!                               | no
//! pause -> is it the same entry? -> body -> is it the same entry? -- no --> raced
//!                               | yes
//!                           both bodies returned the same value? -- no --> unstable
//!                               | yes
//!                           inconsistent
//! ```

use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tracing::{Instrument as _, debug_span};

use super::admission::{PermitWait, waited};
use super::background_refresh::{Body, BodyPlace, LostError};
use super::found::{FoundValue, Served};
use super::report::{say_not_copied, served};
use super::retry::alone;
use super::step::{Step, Verifying};
use super::{Call, recursion};
use crate::format::entry::StateId;
use crate::gates::{Admitted, BodyResult};
use crate::memory::{Hit, Identity};
use crate::output::StandIn;
use crate::registry;
use crate::stats::events::{EventKind, listed};
use crate::stats::seldom::Reason;
use crate::support::boxed::Boxed;
use crate::support::panics::unless_panicking;
use crate::support::runtime;
use crate::support::timer::sleep;
use crate::tiers::background::{BackgroundSlot, TakenSlot};
use crate::tiers::core::DIRECT;
use crate::tiers::reading::{Ask, ReadResult};
use crate::value::Value;

/// The time between the looks. A function that has committed its write has invalidated the entry by then.
const PAUSE: Duration = Duration::from_secs(1);

/// The result of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Consistent,
    Inconsistent,
    Raced,
    Unstable,
    Failed,
    /// The values cannot be compared.
    Unknown,
}

/// Serves a fresh value. Verifies it if a verification of the function is due.
pub(super) fn serve(call: &Call, found: FoundValue) -> Step {
    let slot = if is_chosen(call, &found) { place(call) } else { None };
    let served = served(call, found);
    match slot {
        Some(slot) => Step::Verify(Box::new(Verifying { slot, served })),
        None => Step::Done(served),
    }
}

fn is_chosen(call: &Call, found: &FoundValue) -> bool {
    // A transaction may see values that others do not see.
    let is_ordinary = call.demands.background && call.scope.is_none();
    is_ordinary && !found.is_stale() && call.counters.claim_verification()
}

fn place(call: &Call) -> Option<BackgroundSlot> {
    // A source that fails is not asked.
    if call.is_held_up(false) {
        return None;
    }
    call.core.background.place(runtime::of_call()?, &call.key)
}

/// Serves a value without a verification, because the `Clone` of an argument panics, and logs it.
pub(crate) fn serve_unverified(call: &Call, verifying: Verifying) -> Served {
    say_not_copied(call, "a verification in the background, which is not begun");
    verifying.served
}

/// Begins a verification in a task of its own, if there are bodies for it. Returns the value that is served. The task runs
/// inside of `around`.
pub(crate) fn verify_in_background<F>(
    call: Arc<Call>,
    verifying: Verifying,
    bodies: Option<[Body; 2]>,
    around: impl FnOnce(Boxed<()>) -> F,
) -> Served
where
    F: Future<Output = ()> + Send + 'static,
{
    let Some(bodies) = bodies else { return serve_unverified(&call, verifying) };
    let Verifying { slot, served } = verifying;
    let span = debug_span!(
        "cache_verify",
        name = call.key.name().as_str(),
        function = call.key.function(),
        prefix = call.key.prefix(),
    );
    let (taken, given_up) = (slot.taken(), Arc::clone(&call));
    let task = async move {
        let comparison = AssertUnwindSafe(verified(&call, bodies, &taken)).catch_unwind().await;
        count(&call, comparison.unwrap_or(Comparison::Failed));
    };
    slot.run(around(Box::pin(task.instrument(span))), move |_| {
        count(&given_up, Comparison::Failed)
    });
    served
}

async fn verified(call: &Call, bodies: [Body; 2], slot: &Arc<TakenSlot>) -> Comparison {
    let Some(entry) = SeenEntry::read(call).await else { return Comparison::Raced };
    if entry.compares(call, &entry.hit.value).is_none() {
        return Comparison::Unknown;
    }
    let [first, second] = bodies;
    let Some(first) = run(call, first, slot).await else { return Comparison::Failed };
    if !entry.is_there(call).await {
        return Comparison::Raced;
    }
    match entry.compares(call, &first) {
        Some(true) => return Comparison::Consistent,
        Some(false) => {}
        None => return Comparison::Unknown,
    }
    sleep(PAUSE).await;
    if !entry.is_there(call).await {
        return Comparison::Raced;
    }
    let Some(second) = run(call, second, slot).await else { return Comparison::Failed };
    if !entry.is_there(call).await {
        return Comparison::Raced;
    }
    if compare(call, &first, &second) != Some(true) {
        return Comparison::Unstable;
    }
    report(call, &entry);
    Comparison::Inconsistent
}

/// Returns the value of the source; `None` if the body fails.
///
/// It waits for the permits of the function like a background refresh.
async fn run(call: &Call, body: Body, slot: &Arc<TakenSlot>) -> Option<Value> {
    let leader = alone(call);
    let flight = Arc::clone(leader.flight());
    let admission = call.admission(vec![Arc::clone(&flight)], PermitWait::DoesWithout, true);
    let admitted = waited(admission).await.ok()?;
    let mut body = body(BodyPlace::unstored(call, &flight, slot));
    // Calls that the body makes with its own key run alone, as those of a load do.
    let polled = poll_fn(|context| {
        let _inside = recursion::enter(&call.key, &flight, None, None);
        body.as_mut().poll(context)
    });
    // The permits are held until the result is noted.
    let is_probe = admitted.as_ref().is_some_and(Admitted::is_probe);
    match polled.await {
        Ok(value) => {
            call.note_source(BodyResult::default());
            Some(value)
        }
        Err(LostError { shared: error, stand_in, .. }) => {
            let failed = stand_in != StandIn::Nothing;
            call.note_source(BodyResult { failed, error, is_probe });
            None
        }
    }
}

/// The entry that is compared with the source.
struct SeenEntry {
    hit: Hit<Value>,
    identity: EntryIdentity,
}

/// Identifies the entry in its store.
enum EntryIdentity {
    Redis {
        state: StateId,
        /// True if the value is that of the copy in memory.
        is_copy: bool,
    },
    Memory(Vec<Identity>),
}

impl SeenEntry {
    async fn read(call: &Call) -> Option<Self> {
        let (core, key) = (&call.core, &call.key);
        let copy = copy(call);
        let known = core.memory.identities(&key.memory);
        match read(call).await {
            ReadResult::Memory(hit) => {
                let identity = EntryIdentity::Memory(known);
                Some(SeenEntry { hit, identity })
            }
            ReadResult::Redis(hit, at) => {
                let (is_copy, state) = (copy.is_some(), at.state);
                let identity = EntryIdentity::Redis { state, is_copy };
                Some(SeenEntry { hit: copy.unwrap_or(hit), identity })
            }
            ReadResult::Miss(_) | ReadResult::Unavailable => None,
        }
    }

    /// Returns true if the same entry is there, and is fresh. R1: it is read with the tokens of its tags.
    async fn is_there(&self, call: &Call) -> bool {
        match (&self.identity, read(call).await) {
            (EntryIdentity::Redis { state, is_copy }, ReadResult::Redis(_, at)) => {
                let is_same = |copy: Hit<Value>| self.compares(call, &copy.value) == Some(true);
                *state == at.state && (!is_copy || copy(call).is_some_and(is_same))
            }
            (EntryIdentity::Memory(known), ReadResult::Memory(_)) => {
                !call.core.memory.holds_another(&call.key.memory, known)
            }
            _ => false,
        }
    }

    fn compares(&self, call: &Call, other: &Value) -> Option<bool> {
        compare(call, &self.hit.value, other)
    }
}

/// Reads the entry, in Redis without the token cache, and without keeping a copy.
async fn read(call: &Call) -> ReadResult {
    let ask = Ask { copies: false, relies: false, ..call.ask(0) };
    call.core.read(&call.key, ask).await
}

/// Returns the copy in memory that answers calls instead of Redis, if there is one.
fn copy(call: &Call) -> Option<Hit<Value>> {
    let Ask { relies, of, .. } = call.ask(0);
    call.core.redis_for(call.stores).filter(|_| relies)?;
    call.core.value_in_memory(&call.key, of, 0)
}

fn compare(call: &Call, value: &Value, other: &Value) -> Option<bool> {
    let likeness = call.policy.coding.likeness;
    // R3: the code of the type may panic.
    unless_panicking(|| likeness.compares(value.as_ref(), other.as_ref())).flatten()
}

fn count(call: &Call, comparison: Comparison) {
    let slow = &call.counters.slow;
    match comparison {
        Comparison::Consistent => slow.verified_consistent.one(),
        Comparison::Inconsistent => slow.verified_inconsistent.one(),
        Comparison::Raced => slow.verified_raced.one(),
        Comparison::Unstable => slow.verified_unstable.one(),
        Comparison::Failed => slow.verified_failed.one(),
        Comparison::Unknown => {}
    }
}

/// Records an event of a confirmed difference, and logs it.
fn report(call: &Call, entry: &SeenEntry) {
    let function = call.key.function().unwrap_or(DIRECT);
    let (name, tags) = (call.key.name().as_str(), listed(call.key.tags()));
    let Hit { age_ms, fresh_for_ms, .. } = entry.hit;
    let ttl_ms = (fresh_for_ms != u64::MAX).then_some(fresh_for_ms);
    let hint = registry::hint(call.key.declared(), name);
    call.core.seldom(function, Reason::Inconsistent, |times| {
        tracing::warn!(
            function,
            name,
            age_ms,
            ttl_ms,
            hint,
            times,
            "a cached value differs from that of its source"
        );
    });
    call.core.events.note(EventKind::Inconsistent {
        function: function.to_owned(),
        name: name.to_owned(),
        tags: tags.to_vec(),
        age_ms,
        ttl_ms,
        hint,
    });
}
