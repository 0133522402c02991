//! Running a load in a task of its own, so that it goes on if its caller gives up.
//!
//! The task drives the call as its caller would. The caller waits for the output, and gets it as it is: its
//! own value, its own error, or the panic of the body.

use std::any::Any;
use std::future::Future;
use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::sync::oneshot;
use tracing::Instrument as _;

use super::found::{Failure, Output};
use super::report::{give_up, say_not_copied, say_unclaimed};
use super::step::{Destination, Loading};
use super::{Call, recursion};
use crate::flight::Waits;
use crate::support::boxed::Boxed;
use crate::support::panics::drop_each;
use crate::support::runtime;
use crate::tiers::background::BackgroundSlot;
use crate::value::Value;

/// A load that a task can run.
pub(crate) struct Detached {
    pub(crate) loading: Loading,
    pub(crate) slot: BackgroundSlot,
}

/// The end of a detached load: its output, or its panic.
type Ending = Result<Output, Box<dyn Any + Send>>;

/// The way from a detached load to the caller that waits for it.
pub(crate) struct ToCaller {
    call: Arc<Call>,
    ending: oneshot::Sender<Ending>,
}

/// Returns the place of a task for a load. Returns `None` if its function is not detached, if there is no free
/// place, or if the body of this key is making the call.
pub(crate) fn place_of(call: &Call, loading: &Loading) -> Option<BackgroundSlot> {
    if !call.policy.detached
        || call.heir.is_some()
        || matches!(loading.destination, Destination::Caller)
    {
        return None;
    }
    // R7: without a free place, the caller runs the body.
    call.core.background.place(runtime::of_call()?, &call.key)
}

impl Detached {
    /// Returns the load for its caller to run, because the `Clone` of an argument panics, and logs it.
    pub(crate) fn without_a_task(self, call: &Call) -> Loading {
        say_not_copied(call, "a detached load, which runs in its caller");
        self.loading
    }
}

/// Runs a load in a task of its own, inside of `around`, and waits for its output. Returns `None` if the task
/// has ended without one.
///
/// If this is dropped, the load goes on.
///
/// # Panics
/// With the panic of the body, as if the caller had run it.
pub(crate) async fn run_detached<F>(
    call: Arc<Call>,
    detached: Detached,
    load: impl FnOnce(Loading, ToCaller) -> Boxed<()>,
    around: impl FnOnce(Boxed<()>) -> F,
) -> Option<Output>
where
    F: Future<Output = ()> + Send + 'static,
{
    let Detached { loading, slot } = detached;
    // A body that makes this call waits for the flight, as it would if it polled the body itself.
    let _waits = Waits::for_flight(recursion::bodies(), Arc::clone(loading.leader.flight()));
    let (sender, ending) = oneshot::channel();
    let (_present, gone) = oneshot::channel::<()>();
    let load = load(loading, ToCaller { call: Arc::clone(&call), ending: sender });
    let task = around(Box::pin(load.in_current_span()));
    slot.run_detached(task, async { _ = gone.await }, move |limit| {
        give_up(&call, limit, "a detached load was cancelled after its caller had given up");
    });
    match ending.await {
        Ok(Ok(output)) => Some(output),
        Ok(Err(panic)) => resume_unwind(panic),
        Err(_) => None,
    }
}

impl ToCaller {
    /// Passes on the value of the load.
    pub(crate) fn value(self, value: Value) {
        drop_each(self.ending.send(Ok(Ok(value))).err());
    }

    /// Passes on the error of the load. It is logged if the caller has given up.
    pub(crate) fn error<E: Send + 'static>(self, error: E, text: fn(&E) -> String) {
        let error = Failure::Own(Box::new(error));
        if let Err(Ok(Err(Failure::Own(unclaimed)))) = self.ending.send(Ok(Err(error)))
            && let Ok(error) = unclaimed.downcast()
        {
            say_unclaimed(&self.call, &text(&error));
            drop_each([error]);
        }
    }

    /// Passes on the panic of the body, which has been logged and counted.
    pub(crate) fn panic(self, panic: Box<dyn Any + Send>) {
        drop_each(self.ending.send(Err(panic)).err());
    }
}
