//! A call from its look to the run of its body, in one step.

use std::future::ready;
use std::sync::Arc;

use super::Call;
use super::begin::begin;
use super::drive::Next;
use super::found::Served;
use super::load::Action;
use super::look::look;
use super::requests::cached;
use super::step::Step;
use crate::collector::traced::Traced;
use crate::collector::{BypassReason, Subject};
use crate::support::boxed::{Boxed, boxed};

/// Returns the value for this call, or the load that it leads.
///
/// Cancel safe: if the load is dropped, a waiting caller takes over.
pub(crate) async fn turn(call: &Arc<Call>) -> Action {
    if call.reads_only() {
        return boxed(|| answer(call)).await;
    }
    // The step is taken apart before the next wait. So the future does not have a place for it, and is small.
    let loading = match look(call).await {
        Step::Done(served) => return Action::Return(served),
        Step::Load(loading) => *loading,
        // The body cannot run in the background here.
        Step::BackgroundRefresh(refresh) => return Action::Return(Served::found(refresh.found)),
        Step::Verify(verifying) => return Action::Return(verifying.served),
    };
    boxed(|| begin(call, loading)).await
}

/// Returns a cached value for this call, or lets it run its body alone.
pub(crate) async fn answer(call: &Call) -> Action {
    match cached(call).await {
        Some(served) => Action::Return(served),
        None => {
            call.loses_dependencies();
            Action::Bypass
        }
    }
}

/// Does the same for [`Run`](super::Run).
pub(crate) fn next(call: Arc<Call>) -> Boxed<Next> {
    Box::pin(async move {
        let mut traced = Traced::begin(|| Subject::of_key(&call.key));
        let action = turn(&call).await;
        if let (Action::Bypass, Some(traced)) = (&action, &mut traced) {
            traced.bypasses(call.bypass_reason());
        }
        Next { action, tell: None, traced }
    })
}

/// Returns the run of a body without the cache, of the direct API, for [`Run`](super::Run).
pub(crate) fn run_alone(reason: BypassReason) -> Boxed<Next> {
    let traced = Traced::bypassing(Subject::direct, reason);
    Box::pin(ready(Next { action: Action::Bypass, tell: None, traced }))
}
