//! Refreshing a value in the background while the old one is served.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tracing::{Instrument as _, debug_span};

use super::load::Failed;
use super::look::{Into, Loading, Step};
use super::{Call, CallKey, Found, Goal, Load, Served, Version};
use crate::background::BackgroundSlot;
use crate::boxed::Boxed;
use crate::core::DIRECT;
use crate::flight::{FlightOutcome, Follower, Leader, Ticket};
use crate::output::SharedFailure;
use crate::put::Overtaken;
use crate::redis::PlaceholderLease;
use crate::seldom::Reason;
use crate::timer::timeout;
use crate::value::Value;

/// A load that is to be run in a task of its own.
pub(crate) struct BackgroundRefresh {
    pub(super) refresh: Leader<CallKey>,
    place: BackgroundSlot,
    /// What is served meanwhile.
    pub(super) found: Found,
    /// The flight that waits for so long whether the load comes to its end.
    ahead: Option<(Leader<CallKey>, Duration)>,
}

/// A body that can be run in a task of its own: its value, or what is left of its error.
pub(crate) type Body = Boxed<Result<Value, Lost>>;

/// What is left of the error of a body in a task of its own.
#[derive(Debug)]
pub(crate) struct Lost {
    /// What others can share of it.
    pub(crate) shared: Option<SharedFailure>,
    /// Its text, for the log.
    pub(crate) text: String,
}

impl Call {
    /// Serves a value that is being refreshed, by a task or by this caller.
    pub(super) fn refresh_step(&self, refresh: Leader<CallKey>, found: Found) -> Step {
        let runtime = Handle::try_current().ok();
        let is_stale = found.hit.stale_for_ms().is_some();
        if !self.demands.background || (runtime.is_none() && is_stale) {
            if is_stale {
                self.counters.slow.misses.one();
            }
            return Step::Load(Loading {
                leader: refresh,
                into: Into::Place(found),
                instead: None,
            });
        }
        match runtime.and_then(|runtime| self.core.background.place(runtime, &self.key)) {
            Some(place) => {
                Step::BackgroundRefresh(BackgroundRefresh { refresh, place, found, ahead: None })
            }
            None => Step::Done(self.served(found)),
        }
    }

    /// A value that may be served only if a load fails, or takes too long.
    pub(super) async fn load_or_serve(
        &self,
        leader: Leader<CallKey>,
        into: Into,
        found: Found,
    ) -> Step {
        let limit = self.policy.load_timeout.filter(|_| self.demands.background);
        if let (Some(limit), Some(runtime)) = (limit, Handle::try_current().ok()) {
            if let Some(follower) = self.refresh_under_way() {
                let limit = limit.saturating_sub(follower.elapsed());
                return Step::Done(self.first_of(leader, &follower, limit, found).await);
            }
            let (core, key) = (&self.core, &self.key);
            let place = core.background.place(runtime, key);
            if place.is_none() && core.config.max_background_loads > 0 {
                // A load that this caller had to wait for without a limit is not what is wanted.
                self.pass(leader, &found);
                return Step::Done(self.served(found));
            }
            let open = || core.background.refreshes.open(key, &core.generations, key.slots());
            if let Some(place) = place
                && let Some(refresh) = open()
            {
                let ahead = Some((leader, limit));
                return Step::BackgroundRefresh(BackgroundRefresh { refresh, place, found, ahead });
            }
        }
        self.counters.slow.misses.one();
        leader.reopen();
        // What is stored stays there until the load has succeeded.
        Step::Load(Loading { leader, into, instead: Some(found) })
    }

    /// The load of this key that runs aside, if there is one.
    pub(super) fn refresh_under_way(&self) -> Option<Follower> {
        let core = &self.core;
        core.background.refreshes.follow(&self.key, Ticket::now(), &core.generations)
    }

    /// The outcome of a load that runs in the background, or what was found if that takes too long or fails.
    async fn first_of(
        &self,
        leader: Leader<CallKey>,
        follower: &Follower,
        limit: Duration,
        found: Found,
    ) -> Served {
        if let Ok(outcome @ FlightOutcome::Value(_)) = timeout(limit, follower.outcome()).await
            && let Some(served) = self.shared_output(&outcome)
        {
            leader.pass_on(follower, outcome);
            return served;
        }
        self.pass(leader, &found);
        self.served(found)
    }

    /// Runs `body` in a task of its own, and gives what is served meanwhile. `around` is what the
    /// task is run in.
    pub(crate) async fn run_in_background<F>(
        self: Arc<Self>,
        background_refresh: BackgroundRefresh,
        body: Body,
        around: impl FnOnce(Boxed<()>) -> F,
    ) -> Served
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let BackgroundRefresh { refresh, place, found, ahead } = background_refresh;
        // Before the body begins.
        let waiting = ahead.map(|(leader, limit)| (leader, refresh.followed(Ticket::now()), limit));
        let (call, before) = (Arc::clone(&self), found.version);
        let span = debug_span!(
            "cache_refresh",
            name = self.key.name().as_str(),
            function = self.key.function(),
            prefix = self.key.prefix(),
            store = self.stores.as_str(),
        );
        let task = async move { call.replace_in_background(refresh, before, body).await };
        let call = Arc::clone(&self);
        let task = around(Box::pin(task.instrument(span)));
        place.run(task, move |limit| call.give_up(limit));
        match waiting {
            None => self.served(found),
            Some((leader, follower, limit)) => self.first_of(leader, &follower, limit, found).await,
        }
    }

    /// Gives up a load in the background, since the `Clone` of an argument panics, which is logged. Returns what is
    /// served; `None` if that may be served only once a load has failed.
    pub(crate) fn serve_without_a_task(
        &self,
        background_refresh: BackgroundRefresh,
    ) -> Option<Served> {
        let function = self.key.function();
        self.core.seldom(function.unwrap_or(DIRECT), Reason::Panics("Clone"), |times| {
            tracing::error!(
                function,
                times,
                "the `Clone` of an argument panics where it is copied for a load in the background, which is not \
                 begun; mend it"
            );
        });
        let BackgroundRefresh { found, ahead, .. } = background_refresh;
        ahead.is_none().then(|| self.served(found))
    }

    async fn replace_in_background(
        self: Arc<Self>,
        refresh: Leader<CallKey>,
        before: Version,
        mut body: Body,
    ) {
        let Ok(lease) = self.lease_refresh(before).await else { return };
        let Some(put) = self.put_in_place_of(before).await else {
            lease.into_iter().for_each(PlaceholderLease::release);
            return;
        };
        let goal = Goal::Place { put, overtaken: Overtaken::Stays };
        let mut load = Load::new(&self, refresh, goal).leased(lease);
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
            Err(Lost { shared, text }) => {
                self.say_failed_in_background(&text);
                if let Failed::Error(flight) = load.fail(&|| text.clone()) {
                    flight.land(shared);
                }
            }
        }
    }
}
