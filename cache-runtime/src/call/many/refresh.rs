//! Refreshes stale values in a task, all with one body, while they are served.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::join_all;
use tracing::{Instrument as _, debug_span};

use super::calls::{ManyCalls, OldValue};
use crate::call::Call;
use crate::call::admission::{PermitWait, waited};
use crate::call::background_refresh::LostError;
use crate::call::fleet::lease_refresh;
use crate::call::load::{BodyError, Goal, Load};
use crate::call::replace::begin_put_over;
use crate::call::report::{give_up, say_failed_in_background, say_not_copied};
use crate::output::StandIn;
use crate::redis::PlaceholderLease;
use crate::support::boxed::Boxed;
use crate::support::runtime;
use crate::tiers::core::Core;
use crate::tiers::put::Overtaken;
use crate::value::{Value, ValueType};

/// Values that one body refreshes in a task.
pub(super) struct ManyRefresh(Vec<OldValue>);

/// A body for a task of its own. It takes the places of the keys to load among those that are refreshed, and
/// returns their values in this order.
pub(super) type RefreshBody =
    Box<dyn FnOnce(Vec<usize>) -> Boxed<Result<Vec<Option<Value>>, LostError>> + Send>;

impl ManyRefresh {
    pub(super) fn new(old: Vec<OldValue>) -> Self {
        ManyRefresh(old)
    }

    /// Returns the keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|old| old.key)
    }

    /// Returns the cache and the type of the values.
    pub(super) fn core_and_type(&self) -> Option<(Arc<Core>, &'static dyn ValueType)> {
        self.0.first().map(|old| (Arc::clone(&old.call.core), old.call.policy.of))
    }

    /// Logs that the values are not refreshed, because the `Clone` of an argument panics.
    pub(super) fn not_copied(&self) {
        if let Some(OldValue { call, .. }) = self.0.first() {
            say_not_copied(call, "a load in the background, which is not begun");
        }
    }

    /// Runs the body in a task of its own, inside of `around`. Without a free place for the task, the values are
    /// not refreshed.
    pub(super) fn run<F>(self, body: RefreshBody, around: impl FnOnce(Boxed<()>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(OldValue { call, .. }) = self.0.first() else { return };
        let call = Arc::clone(call);
        let place = |runtime| call.core.background.place(runtime, &call.key);
        let Some(slot) = runtime::of_call().and_then(place) else { return };
        let span = debug_span!(
            "cache_refresh",
            name = call.key.name().as_str(),
            function = call.key.function(),
            prefix = call.key.prefix(),
            store = call.stores.as_str(),
            keys = self.0.len(),
        );
        let others: Vec<_> = self.0.iter().skip(1).map(|old| Arc::clone(&old.call)).collect();
        let task = around(Box::pin(replace(self.0, body).instrument(span)));
        slot.run(task, move |limit| {
            give_up(&call, limit, "a background refresh was cancelled");
            for call in others {
                call.note_failure(true);
            }
        });
    }
}

/// Begins to replace a value. Returns `None` if another process does so, or has done so.
async fn begin(old: OldValue) -> Option<(Arc<Call>, Box<Load>)> {
    let OldValue { call, refresh, found, .. } = old;
    let lease = lease_refresh(&call, found.version).await.ok()?;
    let Some(put) = begin_put_over(&call, found.version).await else {
        lease.into_iter().for_each(PlaceholderLease::release);
        return None;
    };
    let goal = Goal::Place { put, overtaken: Overtaken::Stays };
    let load = Load::new(&call, refresh, goal).leased(lease);
    Some((call, load))
}

async fn replace(old: Vec<OldValue>, body: RefreshBody) {
    let flights = old.iter().map(|old| Arc::clone(old.refresh.flight())).collect();
    let first = old.first();
    let admission =
        first.and_then(|old| old.call.admission(flights, PermitWait::DoesWithout, true));
    // As for one key, the notes are made after the wait.
    let Ok(admitted) = waited(admission).await else { return };
    let begun = join_all(old.into_iter().map(begin)).await;
    let begun = begun.into_iter().enumerate().filter_map(|(place, begun)| Some((place, begun?)));
    let (places, begun): (Vec<_>, Vec<_>) = begun.unzip();
    if places.is_empty() {
        return;
    }
    let first = begun.first().map(|(call, _)| Arc::clone(call));
    let mut many = ManyCalls::of_loads(begun);
    many.admitted = admitted;
    let mut body = body(places);
    let loaded = poll_fn(|context| {
        let mut polled = Poll::Pending;
        many.poll(context, &mut |context| {
            polled = body.as_mut().poll(context);
            polled.is_ready()
        });
        polled
    });
    match loaded.await {
        Ok(values) => many.finish(values.into_iter().enumerate().collect()).await,
        Err(LostError { text, stand_in, .. }) => {
            if let Some(call) = first {
                say_failed_in_background(&call, &text, stand_in != StandIn::Nothing);
            }
            let error = BodyError { text: &|| text.clone(), stand_in: &|| stand_in, kept: None };
            many.fail(&error);
        }
    }
}
