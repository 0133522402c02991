//! A load, from its beginning until its value is stored.

use std::sync::Arc;
use std::task::Context;
use std::thread;
use std::time::Duration;

use tokio::time::Instant;
use tracing::field::Empty;
use tracing::span::Entered;
use tracing::{Span, debug_span};

use super::Call;
use super::admission::Admission;
use super::fill::{MemoryFill, RedisFill, depend_in_memory};
use super::found::{FoundValue, Served};
use super::offering::InheritingBody;
use super::recursion::{self, PolledBody};
use super::reloads::compare_with_expired;
use super::report::{count_load, count_stale, say_failed, say_undecided};
use super::sharing::{land, land_absent, land_filled, land_outdated};
use crate::coherence::generation::GenerationSnapshot;
use crate::config::Ttl;
use crate::deferral::{self, Scope};
use crate::flight::{FlightOutcome, Leader};
use crate::gates::BodyResult;
use crate::output::{SharedFailure, StandIn};
use crate::redis::{self, PlaceholderLease};
use crate::stats::seldom::Reason;
use crate::support::ambient::Surrounded;
use crate::support::boxed::Boxed;
use crate::support::clock::millis;
use crate::tiers::core::Stores;
use crate::tiers::inherited::{Inherited, Untraced};
use crate::tiers::invalidate::Targets;
use crate::tiers::key::CallKey;
use crate::tiers::origin::{Origin, Source};
use crate::tiers::put::{BodyValue, Overtaken, Put};
use crate::tiers::recent_errors::RecentError;
use crate::tiers::store_outcome::StoreOutcome;
use crate::value::Value;

/// The next action of a caller.
pub(crate) enum Action {
    /// Return this output.
    Return(Served),
    /// Run the body, and store its value as the load specifies.
    Load(Box<Load>),
    /// Run the body only.
    Bypass,
}

/// A load that has begun: its body runs next.
///
/// If it is dropped, a waiting caller takes over the flight.
pub(crate) struct Load {
    pub(super) call: Arc<Call>,
    pub(super) leader: Leader<CallKey>,
    pub(super) goal: Goal,
    /// The value that is served if the load fails.
    instead: Option<FoundValue>,
    pub(super) lease: HeldLease,
    renewals: Option<Boxed<()>>,
    pub(super) span: Span,
    pub(super) began: Option<Instant>,
    /// True if the calls of the body are watched.
    watched: bool,
    part: BodyPart,
    /// The dependencies that the body takes over, if its function inherits them.
    pub(super) inherited: Option<Arc<Inherited>>,
    /// True if the body itself has queued an invalidation.
    has_queued: bool,
    /// Present if its function has limits, until the body has ended.
    pub(super) admission: Option<Admission<Goal>>,
}

/// The part of a load in the run of its body.
#[derive(Clone, Copy)]
struct BodyPart {
    /// True if the run counts as one of this load.
    counts: bool,
    /// The number of keys that the body loads.
    of: u32,
}

/// The destination of the value of a load.
pub(crate) enum Goal {
    /// Into memory, for at most `limit` if there is one.
    Memory { limit: Option<Duration> },
    /// Into Redis, unless the entry has changed meanwhile.
    Redis { key: Arc<CallKey>, ticket: redis::FillTicket },
    /// In place of the value that other callers are served meanwhile.
    Place { put: Put, overtaken: Overtaken },
    /// Only to the caller, and to the followers that joined before the body began; with the reason.
    Nowhere(StoreOutcome),
}

/// The error of a body, whose type is not known.
pub(crate) struct BodyError<'a> {
    /// Returns its text, for the log.
    pub(crate) text: &'a dyn Fn() -> String,
    /// Asks the function's `serve_stale_if` about it.
    pub(crate) stand_in: &'a dyn Fn() -> StandIn,
    /// The error for other callers, if the function remembers errors.
    pub(crate) kept: Option<SharedFailure>,
}

/// The use of the error of a failed load.
pub(super) enum FailedLoad {
    /// The error is not used: the stale value is served.
    Instead(Served),
    /// The error is returned to the caller and to the followers.
    Error(FailedFlight),
}

/// A flight that has failed, and that will end with the error.
pub(crate) struct FailedFlight {
    leader: Leader<CallKey>,
    /// True if the error may be passed on to waiting callers.
    is_shared: bool,
}

impl Load {
    pub(super) fn new(call: &Arc<Call>, leader: Leader<CallKey>, goal: Goal) -> Box<Self> {
        Box::new(Load {
            call: Arc::clone(call),
            leader,
            goal,
            instead: None,
            lease: HeldLease(None),
            renewals: None,
            span: Span::none(),
            began: None,
            watched: false,
            part: BodyPart { counts: true, of: 1 },
            inherited: call.inherits(),
            has_queued: false,
            admission: call.policy.limits.as_ref().map(|_| Admission::Due),
        })
    }

    /// Makes this one of several loads with one body. The body counts as that of the first of them, and each has
    /// taken an equal part of its time.
    pub(super) fn one_of(&mut self, of: usize, first: bool) {
        self.part = BodyPart { counts: first, of: u32::try_from(of).unwrap_or(u32::MAX).max(1) };
    }

    /// Shares the dependencies that the body takes over with its other loads, if the function of this one inherits them.
    pub(super) fn inherit(&mut self, shared: Option<&Arc<Inherited>>) {
        if let (Some(own), Some(shared)) = (&self.inherited, shared) {
            if !own.is_of_the_cache_of(shared) {
                shared.lose(Untraced::OtherCache);
            }
            self.inherited = Some(Arc::clone(shared));
        }
    }

    /// Adds the value that is served if the load fails.
    pub(super) fn or_else(mut self: Box<Self>, instead: Option<FoundValue>) -> Box<Self> {
        self.instead = instead;
        self
    }

    /// Adds a placeholder that is renewed while the body runs.
    pub(super) fn leased(mut self: Box<Self>, lease: Option<PlaceholderLease>) -> Box<Self> {
        self.renewals = lease.clone().map(|lease| Box::pin(lease.renewals()) as _);
        self.lease = HeldLease(lease);
        self
    }

    /// Polls the body as a part of this load: the load is counted and timed, and its key is noted as being
    /// polled. `body` returns true if it is ready.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        body: &mut dyn FnMut(&mut Context<'_>) -> bool,
    ) {
        let queued = deferral::queued_here();
        let ready = {
            let _inside = self.enter();
            body(context)
        };
        self.note_queued(queued);
        if !ready {
            self.renew(context);
        }
    }

    /// Notes the invalidations that the body has queued since there were this many on this thread.
    pub(super) fn note_queued(&mut self, before: u64) {
        self.has_queued |= deferral::queued_here() != before;
    }

    /// Returns true if the value may contain a row that is not committed, so that nobody but the caller may have it.
    pub(super) fn is_uncommitted(&self) -> bool {
        self.has_queued || self.call.scope.as_ref().is_some_and(Scope::has_changed)
    }

    /// Ends a load whose value nobody but the caller may have.
    pub(super) fn withhold(self) {
        let Load { call, leader, goal, lease, span, .. } = self;
        span.record("outcome", StoreOutcome::Uncommitted.as_str());
        call.count_renewal(&StoreOutcome::Uncommitted);
        call.loses_dependencies();
        leader.seal();
        goal.give_up(&call, lease);
        leader.land(|| FlightOutcome::Failed);
    }

    /// Renews the placeholder, if it is due.
    pub(super) fn renew(&mut self, context: &mut Context<'_>) {
        if let Some(renewals) = &mut self.renewals {
            // Renewals never end, so the result is always `Pending`.
            let _ = renewals.as_mut().poll(context);
        }
    }

    /// Notes that the body is polled.
    pub(super) fn begin(&mut self) {
        if self.began.is_some() {
            return;
        }
        if let Goal::Place { .. } = self.goal {
            self.call.counters.slow.refreshes.one();
        }
        self.leader.body_begins();
        self.began = Some(Instant::now());
        if !self.part.counts {
            return;
        }
        self.call.counters.body_begins();
        self.watched = self.call.counters.is_watched();
        let Call { key, stores, .. } = &*self.call;
        self.span = debug_span!(
            "cache_load",
            name = key.name().as_str(),
            function = key.function(),
            prefix = key.prefix(),
            store = stores.as_str(),
            keys = Empty,
            outcome = Empty,
            error = Empty,
        );
        if self.part.of > 1 {
            self.span.record("keys", self.part.of);
        }
    }

    fn enter(&mut self) -> Inside<'_> {
        self.begin();
        let (call, replaces) = (&self.call, matches!(self.goal, Goal::Place { .. }));
        Inside {
            _polled: recursion::enter(
                &call.key,
                self.leader.flight(),
                self.watch(),
                self.inherited.clone(),
            ),
            span: &self.span,
            _entered: self.span.enter(),
            call,
            leader: &self.leader,
            began: self.began,
            replaces,
            is_probe: self.is_probe(),
            was_panicking: thread::panicking(),
        }
    }

    /// Makes the calls of the body known while it is polled, if it is watched.
    pub(super) fn watch(&self) -> Option<Surrounded> {
        self.watched.then(Surrounded::new)
    }

    /// Counts the run of the body, and returns the time that it took for this key.
    pub(super) fn count(&mut self) -> Duration {
        self.renewals = None;
        self.admission = None;
        if let Some(load_time) = self.call.renewed() {
            return load_time;
        }
        let took = self.began.map_or(Duration::ZERO, |began| began.elapsed());
        if self.part.counts {
            count_load(&self.call, took);
            self.call.mean_load().note(took.saturating_sub(self.leader.flight().waited()));
        }
        took / self.part.of
    }

    /// Ends a load whose body has returned this value, and returns the value with its origin.
    pub(super) fn finish(self: Box<Self>, value: Value) -> Boxed<(Value, Origin)> {
        Box::pin(async move {
            let ttl = self.put_away(&value).await;
            (value, Origin::stored(Source::Load, ttl))
        })
    }

    async fn put_away(mut self: Box<Self>, value: &Value) -> Option<Ttl> {
        let took = self.count();
        self.forget_error();
        self.settle(value, took).await
    }

    /// Does the same for a load that has been counted. Returns the TTL with which the value is stored, if it is.
    pub(super) fn stored(self: Box<Self>, value: Value, took: Duration) -> Boxed<Option<Ttl>> {
        Box::pin(async move { self.settle(&value, took).await })
    }

    async fn settle(self: Box<Self>, value: &Value, took: Duration) -> Option<Ttl> {
        if self.is_uncommitted() {
            self.withhold();
            return None;
        }
        let Load { call, leader, goal, lease, span, inherited, .. } = *self;
        compare_with_expired(&call, value.as_ref());
        let outcome = match goal {
            Goal::Memory { limit } => {
                // A caller that joins after the comparison of the dependencies is not served, so there is one seal only.
                let seals_first = call.policy.derives();
                if seals_first {
                    leader.seal();
                }
                let inherited = inherited.as_deref();
                match depend_in_memory(&call, leader.snapshot(), value.as_ref(), inherited) {
                    Ok(snapshot) => {
                        let store = MemoryFill { call: &call, snapshot: &snapshot, inherited };
                        let outcome = store.store(value.as_ref(), took, limit);
                        if !seals_first {
                            leader.seal();
                        }
                        land(leader, value, outcome.ttl());
                        outcome
                    }
                    Err(outcome) => {
                        call.loses_dependencies();
                        land_outdated(leader, value);
                        outcome
                    }
                }
            }
            Goal::Redis { key, ticket } => {
                // From here on, the fill removes or replaces the placeholder.
                lease.keep();
                // A caller that joins after this must not be served by the reply to the fill.
                leader.seal();
                let redis = call.core.redis.as_ref()?;
                let mut fill = RedisFill::new(Arc::clone(&call), leader, key, ticket, inherited);
                let (filled, outcome) = fill.store(redis, value.as_ref(), took).await;
                land_filled(fill.leader, value, filled, outcome.ttl());
                outcome
            }
            Goal::Place { put, overtaken } => {
                leader.seal();
                call.loses_dependencies();
                let of = BodyValue { value: value.as_ref(), took, inherited: inherited.as_deref() };
                let outcome = put.settle(&call.policy, &call.counters, &of, overtaken).await;
                match outcome {
                    StoreOutcome::Stored(ttl) => land(leader, value, Some(ttl)),
                    _ => land_outdated(leader, value),
                }
                outcome
            }
            Goal::Nowhere(outcome) => {
                call.loses_dependencies();
                land_outdated(leader, value);
                outcome
            }
        };
        span.record("outcome", outcome.as_str());
        call.count_renewal(&outcome);
        call.core.retries.recovered(&call.key);
        outcome.ttl()
    }

    /// Returns true if a stale value is served if the load fails.
    pub(super) fn has_stale(&self) -> bool {
        self.instead.is_some() && !matches!(self.goal, Goal::Place { .. })
    }

    /// Returns its body, if that inherits dependencies and uses the old value.
    pub(super) fn inheriting_body(&self) -> Option<InheritingBody> {
        self.call.offer.as_ref()?;
        let inherited = Arc::clone(self.inherited.as_ref()?);
        Some(InheritingBody { key: self.key_in_redis().cloned(), inherited })
    }

    /// Returns the key of the entry in Redis that it replaces; `None` if memory is the store, or nothing is stored.
    fn key_in_redis(&self) -> Option<&Arc<CallKey>> {
        match &self.goal {
            Goal::Redis { key, .. } => Some(key),
            Goal::Place { put, .. } if self.call.stores != Stores::Memory => Some(put.key()),
            Goal::Place { .. } | Goal::Memory { .. } | Goal::Nowhere(_) => None,
        }
    }

    /// Returns true if its value goes to Redis.
    pub(super) fn is_for_redis(&self) -> bool {
        matches!(self.goal, Goal::Redis { .. })
    }

    /// Returns true if its end may wait for Redis.
    pub(super) fn awaits_redis(&self) -> bool {
        self.has_stale() || matches!(self.goal, Goal::Redis { .. } | Goal::Place { .. })
    }

    /// Ends a load that has been counted, and whose body has no value for its key. A value that it replaces is
    /// removed, because it is older.
    pub(super) fn absent(self: Box<Self>) -> Boxed<()> {
        Box::pin(async move {
            if self.is_uncommitted() {
                return self.withhold();
            }
            let had_stale = self.has_stale();
            let Load { call, leader, goal, span, inherited, .. } = *self;
            span.record("outcome", "absent");
            leader.seal();
            match (&call.heir, &goal) {
                (Some(heir), Goal::Memory { .. }) if inherited.is_none() => {
                    heir.add_stamps(&leader.snapshot().stamps, None)
                }
                _ => call.loses_dependencies(),
            }
            let is_current = match goal {
                Goal::Memory { .. } => call.core.generations.storable(&leader.snapshot()),
                Goal::Place { put, .. } => {
                    put.remove().await;
                    false
                }
                Goal::Redis { .. } | Goal::Nowhere(_) => false,
            };
            if had_stale {
                call.core.invalidate(&Targets::name(call.key.name().as_str())).await;
            }
            land_absent(leader, is_current);
            call.core.retries.recovered(&call.key);
        })
    }

    /// Returns true if its body is a probe of its source.
    fn is_probe(&self) -> bool {
        matches!(&self.admission, Some(Admission::Open(admitted)) if admitted.is_probe())
    }

    /// Returns true if its placeholder is renewed.
    pub(super) fn is_leased(&self) -> bool {
        self.renewals.is_some()
    }

    /// Returns true if a value is served if the load fails.
    pub(super) fn has_instead(&self) -> bool {
        self.instead.is_some()
    }

    /// Ends a load whose body has not run, except for its flight.
    pub(super) fn give_up(self) -> (Arc<Call>, Leader<CallKey>, Option<FoundValue>) {
        let Load { call, leader, goal, instead, lease, span, .. } = self;
        span.record("outcome", "shed");
        goal.give_up(&call, lease);
        (call, leader, instead)
    }

    /// Forgets the error of an earlier load, because the body has succeeded.
    pub(super) fn forget_error(&self) {
        if self.part.counts {
            self.call.note_source(BodyResult::default());
        }
        if self.remembers_errors() {
            self.call.core.recent_errors.forget(&self.call.key);
        }
    }

    /// Returns true if its function remembers errors.
    pub(super) fn remembers_errors(&self) -> bool {
        self.call.policy.error_ttl.is_some()
    }

    /// Returns true if its error may become the output of other calls.
    pub(super) fn keeps_errors(&self) -> bool {
        self.remembers_errors() || self.call.has_breaker()
    }

    /// Ends a load whose body has failed: with the stale value, if there is one.
    ///
    /// Nothing is awaited here, because the error may not be `Send`.
    pub(super) fn fail(self: Box<Self>, error: &BodyError<'_>) -> FailedLoad {
        let is_probe = self.is_probe();
        self.fail_as(error, is_probe)
    }

    /// Does the same for a load whose body is a probe of its source, or is not.
    pub(super) fn fail_as(
        mut self: Box<Self>,
        error: &BodyError<'_>,
        is_probe: bool,
    ) -> FailedLoad {
        // A probe ends after its result has been noted.
        let admission = self.admission.take();
        self.count();
        let is_shared = !self.is_uncommitted();
        let Load { call, leader, goal, instead, lease, span, part, .. } = *self;
        span.record("outcome", "failed");
        span.record("error", true);
        if part.counts {
            call.counters.slow.load_errors.one();
        }
        goal.tell_heir(&call, &leader);
        let replaces = matches!(goal, Goal::Place { .. });
        let has_breaker = call.has_breaker();
        let matters = replaces || instead.is_some() || error.kept.is_some() || has_breaker;
        let stands_in = !matters || error.stands_in(&call);
        if has_breaker && part.counts {
            // An error for which no stale value stands in is an answer.
            let error = error.kept.clone();
            call.note_source(BodyResult { failed: stands_in, error, is_probe });
        }
        drop(admission);
        if !stands_in {
            leader.refuse_stale();
        }
        let noted = goal.noted(&leader).filter(|_| is_shared);
        let is_remembered = error.remember(&call, noted, stands_in);
        goal.give_up(&call, lease);
        if replaces && !is_remembered {
            call.note_failure(stands_in);
        }
        // A value that is replaced may be served in any case: it is fresh, or stale by less than
        // `stale_while_revalidate`.
        let Some(found) = instead.filter(|_| stands_in || replaces) else {
            return FailedLoad::Error(FailedFlight { leader, is_shared });
        };
        let pauses = is_remembered || call.note_failure(stands_in);
        say_failed(&call, Reason::Failed, error.text, "a load failed; the stale value is served");
        // The followers read that value themselves, because it may have been invalidated since this
        // caller read it. Without the pause, they would load one after another.
        leader.land(|| if pauses { FlightOutcome::Outdated(None) } else { FlightOutcome::Failed });
        count_stale(&call, found.is_stale());
        FailedLoad::Instead(Served::found(found))
    }
}

impl BodyError<'_> {
    /// Returns true if a stale value may stand in for it. If `serve_stale_if` panics, it may.
    fn stands_in(&self, call: &Call) -> bool {
        match (self.stand_in)() {
            StandIn::Stale => true,
            StandIn::Nothing => false,
            StandIn::Panics => {
                say_undecided(call);
                true
            }
        }
    }

    /// Remembers it, if its function remembers errors. `snapshot` was noted before the body ran. Returns true
    /// if the next call will use it.
    fn remember(&self, call: &Call, snapshot: Option<GenerationSnapshot>, stands_in: bool) -> bool {
        let (Some(ttl), Some(error), Some(snapshot)) =
            (call.policy.error_ttl, self.kept.clone(), snapshot)
        else {
            return false;
        };
        let failed_ms = call.core.clock.now_ms();
        let recent = RecentError { error, stands_in, failed_ms, snapshot };
        call.core.recent_errors.remember(&call.key, recent, millis(ttl));
        // Without the feed, a remembered error is not used. The next call then waits as without `error_ttl`.
        call.core.recent_error(&call.key, call.stores).is_some()
    }
}

impl Goal {
    /// Ends a load that stores nothing.
    fn give_up(self, call: &Call, lease: HeldLease) {
        match self {
            Goal::Redis { key, ticket } => {
                lease.keep();
                if let Some(redis) = &call.core.redis {
                    redis.release_in_background(key.stored_as(), key.tags(), ticket);
                }
            }
            Goal::Place { put, .. } => put.give_up(),
            Goal::Memory { .. } | Goal::Nowhere(_) => {}
        }
    }

    /// Passes the dependencies of a failure to the body that makes the call, if that inherits them.
    fn tell_heir(&self, call: &Call, leader: &Leader<CallKey>) {
        let Some(heir) = &call.heir else { return };
        let snapshot = leader.snapshot();
        match self {
            // The failure may follow from what the body has read.
            _ if call.policy.inherits.is_any() => heir.lose(Untraced::NotStored),
            Goal::Memory { .. } => heir.add_stamps(&snapshot.stamps, None),
            Goal::Redis { key, ticket } => {
                heir.add_loaded(key, &ticket.tokens, Some(&snapshot), None);
            }
            Goal::Place { .. } | Goal::Nowhere(_) => heir.lose(Untraced::NotStored),
        }
    }

    /// Returns the generations that were noted before the body ran, if an error can depend on them.
    fn noted(&self, leader: &Leader<CallKey>) -> Option<GenerationSnapshot> {
        match self {
            Goal::Memory { .. } | Goal::Redis { .. } => Some(leader.snapshot()),
            Goal::Place { put, .. } => Some(put.snapshot().clone()),
            Goal::Nowhere(_) => None,
        }
    }
}

impl FailedFlight {
    pub(super) fn new(leader: Leader<CallKey>, is_shared: bool) -> Self {
        FailedFlight { leader, is_shared }
    }

    /// Returns true if a caller waits for the flight.
    pub(super) fn awaited(&self) -> bool {
        self.is_shared && self.leader.awaited()
    }

    /// Ends the flight with an error for all waiting callers, or without one if it cannot be shared.
    pub(super) fn land(self, error: Option<SharedFailure>) {
        let error = error.filter(|_| self.is_shared);
        self.leader.land(|| error.map_or(FlightOutcome::Failed, FlightOutcome::Error));
    }
}

/// The state around one poll of the body.
struct Inside<'a> {
    _polled: PolledBody,
    span: &'a Span,
    _entered: Entered<'a>,
    call: &'a Call,
    leader: &'a Leader<CallKey>,
    began: Option<Instant>,
    /// True if the body replaces a stored value.
    replaces: bool,
    /// True if the body is a probe of its source.
    is_probe: bool,
    /// True if the thread was panicking already, so that a destructor makes the call.
    was_panicking: bool,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        // A body that panics has failed as well.
        if self.was_panicking || !thread::panicking() {
            return;
        }
        self.span.record("outcome", "panicked");
        self.span.record("error", true);
        let Inside { call, leader, began, replaces, is_probe, .. } = *self;
        leader.panicked();
        if replaces {
            call.note_failure(true);
        }
        count_panic(call, began, is_probe);
    }
}

/// Counts and logs that a body has panicked.
pub(super) fn count_panic(call: &Call, began: Option<Instant>, is_probe: bool) {
    count_load(call, began.map_or(Duration::ZERO, |began| began.elapsed()));
    call.counters.slow.load_errors.one();
    call.note_source(BodyResult { failed: true, error: None, is_probe });
    say_failed(call, Reason::Panicked, &|| "the body panicked".to_owned(), "a load failed");
}

/// A placeholder that other processes see. It is removed when this is dropped, so that they need not wait
/// until it expires.
pub(super) struct HeldLease(Option<PlaceholderLease>);

impl HeldLease {
    /// Leaves the placeholder as it is.
    pub(super) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        if let Some(lease) = self.0.take() {
            lease.release();
        }
    }
}
