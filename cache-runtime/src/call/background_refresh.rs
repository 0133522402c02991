//! Refreshing a value in a task of its own while the old one is served.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use tracing::{Instrument as _, debug_span};

use super::admission::{Admission, PermitWait, waited};
use super::fleet::lease_refresh;
use super::found::{Served, Version};
use super::load::{BodyError, FailedLoad, Goal, Load};
use super::replace::begin_put_over;
use super::report::{give_up, say_failed_in_background, say_not_copied, served};
use super::stale::first_of;
use super::step::{BackgroundRefresh, Step};
use super::{Call, recursion};
use crate::flight::{Flight, Leader, Ticket};
use crate::output::{SharedFailure, StandIn};
use crate::redis::PlaceholderLease;
use crate::stats::SiteCounters;
use crate::support::ambient::Surrounded;
use crate::support::boxed::{Boxed, boxed};
use crate::tiers::background::TakenSlot;
use crate::tiers::inherited::Inherited;
use crate::tiers::key::CallKey;
use crate::tiers::put::Overtaken;
use crate::value::Value;

/// A body that can be run in a task of its own.
pub(crate) type Body = Box<dyn FnOnce(BodyPlace) -> Boxed<Result<Value, LostError>> + Send>;

/// The surroundings of a body that runs on a thread of its own.
pub(crate) struct BodyPlace {
    key: Arc<CallKey>,
    counters: Arc<SiteCounters>,
    flight: Arc<Flight>,
    /// Such a body cannot be cancelled. It keeps its place until it returns (R7).
    slot: Arc<TakenSlot>,
    inherited: Option<Arc<Inherited>>,
}

impl BodyPlace {
    /// Returns the surroundings of a body whose value is not stored.
    pub(super) fn unstored(call: &Call, flight: &Arc<Flight>, slot: &Arc<TakenSlot>) -> Self {
        BodyPlace {
            key: Arc::clone(&call.key),
            counters: Arc::clone(&call.counters),
            flight: Arc::clone(flight),
            slot: Arc::clone(slot),
            inherited: None,
        }
    }

    /// Runs the body, so that calls that it makes are known to come from it.
    pub(crate) fn run<T>(self, body: impl FnOnce() -> T) -> T {
        let BodyPlace { key, counters, flight, slot: _slot, inherited } = self;
        let watch = counters.is_watched().then(Surrounded::new);
        // The thread may outlive the task that waits for it.
        let _permits = flight.permits();
        let _inside = recursion::enter(&key, &flight, watch, inherited);
        body()
    }
}

/// The rest of the error of a body in a task of its own.
#[derive(Debug)]
pub(crate) struct LostError {
    /// The part of the error that can be shared with other callers.
    pub(crate) shared: Option<SharedFailure>,
    /// The text of the error, for the log.
    pub(crate) text: String,
    /// The answer of the function's `serve_stale_if`.
    pub(crate) stand_in: StandIn,
}

/// Runs `body` in a task of its own, and returns what is served meanwhile. If the task fails with an error for
/// which no stale value stands in, and which cannot be shared, this caller loads. The task runs inside of
/// `around`.
pub(crate) async fn run_in_background<F>(
    call: Arc<Call>,
    refresh: BackgroundRefresh,
    body: Body,
    around: impl FnOnce(Boxed<()>) -> F,
) -> Step
where
    F: Future<Output = ()> + Send + 'static,
{
    let BackgroundRefresh { refresh, slot, found, ahead } = refresh;
    // The moment is noted before the body begins, so the caller accepts the value of this load.
    let waiting = ahead.map(|ahead| (ahead, refresh.followed(Ticket::now())));
    let (of_task, before) = (Arc::clone(&call), found.version);
    let inherited = call.inherits();
    let body = body(BodyPlace {
        key: Arc::clone(&call.key),
        counters: Arc::clone(&call.counters),
        flight: Arc::clone(refresh.flight()),
        slot: slot.taken(),
        inherited: inherited.clone(),
    });
    let span = debug_span!(
        "cache_refresh",
        name = call.key.name().as_str(),
        function = call.key.function(),
        prefix = call.key.prefix(),
        store = call.stores.as_str(),
    );
    let task = async move { replace(of_task, refresh, before, body, inherited).await };
    let task = around(Box::pin(task.instrument(span)));
    let given_up = Arc::clone(&call);
    slot.run(task, move |limit| give_up(&given_up, limit, "a background refresh was cancelled"));
    match waiting {
        None => Step::Done(served(&call, found)),
        Some((ahead, follower)) => first_of(&call, ahead, &follower, found).await,
    }
}

/// Gives up a background load, because the `Clone` of an argument panics, and logs it. Returns the value to
/// serve; `None` if it may be served only after a load has failed.
pub(crate) fn serve_without_a_task(call: &Call, refresh: BackgroundRefresh) -> Option<Served> {
    say_not_copied(call, "a load in the background, which is not begun");
    let BackgroundRefresh { found, ahead, .. } = refresh;
    ahead.is_none().then(|| served(call, found))
}

async fn replace(
    call: Arc<Call>,
    refresh: Leader<CallKey>,
    before: Version,
    mut body: Boxed<Result<Value, LostError>>,
    inherited: Option<Arc<Inherited>>,
) {
    // The notes about the key are made after the wait, because a refresh that waits is not needed by a caller.
    let flights = vec![Arc::clone(refresh.flight())];
    let admission = call.admission(flights, PermitWait::DoesWithout, true);
    let Ok(admitted) = waited(admission).await else { return };
    let Ok(lease) = lease_refresh(&call, before).await else { return };
    let Some(put) = begin_put_over(&call, before).await else {
        lease.into_iter().for_each(PlaceholderLease::release);
        return;
    };
    let goal = Goal::Place { put, overtaken: Overtaken::Stays };
    let mut load = Load::new(&call, refresh, goal).leased(lease);
    load.inherited = inherited;
    load.admission = admitted.map(Admission::Open);
    if let Some(body) = load.inheriting_body() {
        boxed(|| call.offer_inherited(body, None)).await;
    }
    let loaded = poll_fn(|context| {
        let mut polled = Poll::Pending;
        load.poll(context, &mut |context| {
            polled = body.as_mut().poll(context);
            polled.is_ready()
        });
        polled
    });
    match loaded.await {
        Ok(value) => _ = load.finish(value).await,
        Err(LostError { shared, text, stand_in }) => {
            say_failed_in_background(&call, &text, stand_in != StandIn::Nothing);
            let kept = shared.clone();
            let error = BodyError { text: &|| text.clone(), stand_in: &|| stand_in, kept };
            if let FailedLoad::Error(flight) = load.fail(&error) {
                flight.land(shared);
            }
        }
    }
}
