//! A call that was not answered from memory. It is compiled once, except for the body.

use std::any::Any;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use once_cell::sync::OnceCell;

use super::context::{CallContext, CallParts, Early, MissReason, Tags};
use super::hooks::{Rules, policy, say_uncached};
use super::key_source::{FullKey, Print};
use super::task::BackgroundBody;
use super::uncached::Uncached;
use crate::cache_call::request::{Delivery, Reply, Request, Resolved, Response};
use crate::call::{
    self, Action, BackgroundRefresh, Call, Demands, Detached, Loading, Next, Offer, Run, Served,
    Step, Verifying,
};
use crate::collector::traced::Traced;
use crate::collector::{BypassReason, Subject};
use crate::deferral::{self, ReadOf, Scope};
use crate::error::Error;
use crate::key::name::CLEARED;
use crate::manager;
use crate::output::{SharedErrors, Shares};
use crate::site::Instance;
use crate::support::boxed::{Boxed, boxed};
use crate::support::panics::unless_panicking;
use crate::tiers::core::Bound;
use crate::tiers::inherited::{Inherited, Untraced};
use crate::tiers::invalidate::Targets;
use crate::tiers::key::CallKey;
use crate::tiers::origin::{Origin, Source};
use crate::tiers::policy::Policy;
use crate::value::{StoredKind, Value};

/// A call that was not answered from memory.
///
/// It is in one of these states. Each of them ends in an `Action`:
///
/// ```text
/// new --> Bypass                                             -> run the body
///     |-> Cached --look--> Done                              -> return the output
///     |                |-> Load                              -> run the body as a load
///     |                |-> BackgroundRefresh --run_in_a_task--> Done
///     |                |-> Detached --run_in_a_task--> Done
///     |                `-> Verify --run_in_a_task--> Done
///     |-> Requested                                          -> act on the entry
///     `-> Suspended   the request has been answered: if the call is polled again, it goes on as if there had been none
/// ```
pub struct MissedCall {
    state: CallState,
    /// The call for its collector, if it has one.
    traced: Option<Box<Traced>>,
}

enum CallState {
    /// The call bypasses the cache: the body runs.
    Bypass(Reply),
    /// The request is answered, or was not for this call. Its sender normally drops the call. If the sender
    /// does not own the call, it goes on when it is polled again.
    Suspended(Box<CallState>),
    Cached(Box<Prepared>),
    /// The call has received a request that is not for its output.
    Requested(Box<Prepared>, EntryAction, Reply),
    /// The look-up is done: a value was found, or another caller has loaded it.
    Done(Served, Option<Reply>),
    /// The look-up is done: no stored value answers the call.
    Load(Box<LookedUp<Loading>>),
    /// The look-up is done: a value is served, and a task refreshes it.
    BackgroundRefresh(Box<LookedUp<BackgroundRefresh>>),
    /// The look-up is done: no stored value answers the call, and a task runs the load.
    Detached(Box<LookedUp<Detached>>),
    /// The look-up is done: a value was found, and a task compares it with that of the source.
    Verify(Box<LookedUp<Verifying>>, Option<BackgroundBody>),
}

/// An action on the entry of a call.
enum EntryAction {
    Peek,
    /// Returns the value that can be served without a load.
    Cached,
    Refresh,
    Put(Value),
    /// Removes the entry, because the value to put cannot be stored.
    Remove(Error),
}

struct Prepared {
    bound: Bound,
    instance: &'static Instance,
    key: Arc<CallKey>,
    is_alike: bool,
    rules: Rules,
    demands: Demands,
    /// Receives the origin of the output.
    reply: Option<Reply>,
    /// Receives the dependencies of the value, if the body that makes the call inherits them.
    heir: Option<Arc<Inherited>>,
    /// The transactions around the call.
    scope: Option<Scope>,
    /// Receives the old value for the body, if its function uses one.
    offer: Option<Offer>,
}

struct LookedUp<S> {
    call: Arc<Call>,
    step: S,
    reply: Option<Reply>,
}

impl fmt::Debug for MissedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match &self.state {
            CallState::Cached(prepared) | CallState::Requested(prepared, ..) => Some(&prepared.key),
            CallState::Load(looked) => Some(&looked.call.key),
            CallState::BackgroundRefresh(looked) => Some(&looked.call.key),
            CallState::Detached(looked) => Some(&looked.call.key),
            CallState::Verify(looked, _) => Some(&looked.call.key),
            CallState::Bypass(_) | CallState::Suspended(_) | CallState::Done(..) => None,
        };
        f.debug_struct("MissedCall").field("key", &key).finish()
    }
}

impl MissedCall {
    #[cold]
    #[inline(never)]
    pub(super) fn new(
        bound: &Bound,
        context: CallContext,
        instance: &'static Instance,
        parts: CallParts<'_>,
        why: MissReason,
    ) -> Self {
        if why.is_read() {
            call::note_call(instance.origin);
        }
        let (request, reply) = match why {
            MissReason::NotServed(Early(early)) => {
                return prepare(bound, context, instance, parts, early);
            }
            MissReason::Requested(Delivery::NotMine) => {
                return prepare(bound, context, instance, parts, false).suspended();
            }
            MissReason::Requested(Delivery::Mine(request, reply)) => (request, reply),
        };
        match Prepared::new(bound, instance, parts, Demands::default()) {
            Ok(prepared) => {
                let alike = || prepared.is_refused().then_some(BypassReason::Alike);
                let uncommitted = || {
                    // A put waits for the commit as well.
                    prepared.uncommitted().filter(|_| !matches!(request, Request::Put(_)))
                };
                let bypass = context.bypass_reason(bound).or_else(alike).or_else(uncommitted);
                grant(prepared, bypass, request, &reply)
            }
            Err(uncached) => {
                reply.send(Response::Refused(uncached.into_error(instance.label())));
                MissedCall::bypassing(instance, BypassReason::NoEntry).suspended()
            }
        }
    }

    /// Returns a call that runs its body alone.
    fn bypassing(instance: &'static Instance, reason: BypassReason) -> Self {
        let traced = Traced::bypassing(|| Subject::of_function(instance, None), reason);
        MissedCall { state: CallState::Bypass(Reply::default()), traced }
    }

    /// Notes the reason for which the call runs its body alone.
    fn past(mut self, reason: BypassReason) -> Self {
        if let Some(traced) = &mut self.traced {
            traced.bypasses(reason);
        }
        self
    }

    fn suspended(self) -> Self {
        MissedCall { state: CallState::Suspended(Box::new(self.state)), ..self }
    }

    /// Returns the call, for a function of many keys; `None` if it is not cached.
    pub(super) fn into_call(self) -> (Option<Arc<Call>>, Option<Box<Traced>>) {
        let mut state = self.state;
        while let CallState::Suspended(inner) = state {
            state = *inner;
        }
        let call = match state {
            CallState::Cached(prepared) => prepared.into_call(None).map(|(call, _)| call),
            _ => None,
        };
        let mut traced = self.traced;
        if let (None, Some(traced)) = (&call, &mut traced) {
            traced.bypasses(BypassReason::NoEntry);
        }
        (call, traced)
    }

    /// Runs the call: returns the value of a store or of another caller, or runs the body.
    pub fn run<K, F>(
        self,
        _kind: K,
        share: SharedErrors<K::Error>,
        body: Pin<&mut F>,
    ) -> Run<'_, K, F>
    where
        K: StoredKind,
        F: Future<Output = K::Output>,
    {
        Run::new(self.next(share.fits()), share, body)
    }

    /// Returns the old value that the load of the call will have for its body.
    #[must_use]
    pub fn offering(mut self) -> (Self, Offer) {
        let offer = Offer::default();
        let mut state = &mut self.state;
        while let CallState::Suspended(inner) = state {
            state = inner;
        }
        if let CallState::Cached(prepared) | CallState::Requested(prepared, ..) = state {
            prepared.offer = Some(offer.clone());
        }
        (self, offer)
    }

    /// Looks for a value that answers the call. For functions whose body can run in a task.
    pub fn look<E>(self, share: SharedErrors<E>) -> Boxed<Self> {
        self.look_for_one_that(share.fits())
    }

    fn look_for_one_that(self, shares: Shares) -> Boxed<Self> {
        Box::pin(async move {
            let MissedCall { mut state, traced } = self;
            while let CallState::Suspended(inner) = state {
                yield_once().await;
                state = *inner;
            }
            match state {
                CallState::Cached(prepared) => match look(prepared, shares).await {
                    Some(state) => MissedCall { state, traced },
                    None => MissedCall { state: CallState::Bypass(Reply::default()), traced }
                        .past(BypassReason::NoEntry),
                },
                state => MissedCall { state, traced },
            }
        })
    }

    /// Returns true if the body is needed for a task.
    pub fn wants_a_task(&self) -> bool {
        let state = &self.state;
        matches!(
            state,
            CallState::BackgroundRefresh(_) | CallState::Detached(_) | CallState::Verify(..)
        )
    }

    /// Returns true if the task needs the body twice.
    pub fn wants_two_bodies(&self) -> bool {
        matches!(self.state, CallState::Verify(..))
    }

    /// Adds the body for the second look of a verification.
    #[must_use]
    pub fn with_second_body(self, second: BackgroundBody) -> Self {
        let state = match self.state {
            CallState::Verify(looked, _) => CallState::Verify(looked, Some(second)),
            state => state,
        };
        MissedCall { state, ..self }
    }

    /// Runs the body in a task of its own.
    pub fn run_in_a_task(self, body: BackgroundBody) -> Boxed<Self> {
        Box::pin(async move {
            let scope = manager::scoped().map(|manager| manager.downgrade());
            let around = |task| manager::carried(scope, task);
            let MissedCall { state, traced } = self;
            let state = match state {
                CallState::BackgroundRefresh(looked) => {
                    let LookedUp { call, step, reply } = *looked;
                    let of_task = Arc::clone(&call);
                    match call::run_in_background(of_task, step, body.lost(), around).await {
                        Step::Done(served) => CallState::Done(served, reply),
                        Step::Load(step) => {
                            CallState::Load(Box::new(LookedUp { call, step: *step, reply }))
                        }
                        // It has begun already.
                        Step::BackgroundRefresh(_) | Step::Verify(_) => {
                            CallState::Bypass(reply.unwrap_or_default())
                        }
                    }
                }
                CallState::Verify(looked, second) => {
                    let LookedUp { call, step, reply } = *looked;
                    let bodies = second.map(|second| [body.lost(), second.lost()]);
                    CallState::Done(call::verify_in_background(call, step, bodies, around), reply)
                }
                CallState::Detached(looked) => run_detached(looked, body, around).await,
                state => state,
            };
            MissedCall { state, traced }.without_output()
        })
    }

    /// Continues without a task, because an argument cannot be copied for one.
    #[must_use]
    pub fn without_a_task(self) -> Self {
        let MissedCall { state, traced } = self;
        let state = match state {
            CallState::BackgroundRefresh(looked) => {
                let LookedUp { call, step, reply } = *looked;
                match call::serve_without_a_task(&call, step) {
                    Some(served) => CallState::Done(served, reply),
                    None => CallState::Bypass(reply.unwrap_or_default()),
                }
            }
            CallState::Detached(looked) => {
                let LookedUp { call, step, reply } = *looked;
                let step = step.without_a_task(&call);
                CallState::Load(Box::new(LookedUp { call, step, reply }))
            }
            CallState::Verify(looked, _) => {
                let LookedUp { call, step, reply } = *looked;
                CallState::Done(call::serve_unverified(&call, step), reply)
            }
            state => state,
        };
        MissedCall { state, traced }.without_output()
    }

    /// Notes that the call runs its body alone if its task has no output for it.
    fn without_output(self) -> Self {
        match self.state {
            CallState::Bypass(_) => self.past(BypassReason::Cancelled),
            _ => self,
        }
    }

    fn next(self, shares: Shares) -> Boxed<Next> {
        boxed(|| async move {
            let MissedCall { mut state, traced } = self;
            while let CallState::Suspended(inner) = state {
                yield_once().await;
                state = *inner;
            }
            let (action, reply) = match state {
                CallState::Bypass(reply) => (Action::Bypass, Some(reply)),
                CallState::Cached(prepared) => match prepared.into_call(shares) {
                    Some((call, reply)) => {
                        let action = call::turn(&call).await;
                        return told(action, reply, traced, call.bypass_reason());
                    }
                    None => return told(Action::Bypass, None, traced, BypassReason::NoEntry),
                },
                CallState::Requested(prepared, action, reply) => {
                    return boxed(|| act(prepared, action, reply, shares, traced)).await;
                }
                CallState::Done(served, reply) => (Action::Return(served), reply),
                CallState::Load(looked) => {
                    let LookedUp { call, step, reply } = *looked;
                    (boxed(|| call::begin(&call, step)).await, reply)
                }
                // Generated code has checked before that no task is needed.
                CallState::BackgroundRefresh(_) | CallState::Detached(_) | CallState::Verify(..)
                // It has ended above.
                | CallState::Suspended(_) => (Action::Bypass, None),
            };
            told(action, reply, traced, BypassReason::Recursion)
        })
    }
}

/// Returns the next action of a caller. The sender of a request receives the origin of the output. `reason` is that of
/// a bypass, if no other one is noted.
fn told(
    action: Action,
    reply: Option<Reply>,
    mut traced: Option<Box<Traced>>,
    reason: BypassReason,
) -> Next {
    if let (Action::Bypass, Some(traced)) = (&action, &mut traced) {
        traced.bypasses(reason);
    }
    let tell = reply.map(|reply| Box::new(move |origin| reply.send(Response::Found(origin))) as _);
    Next { action, tell, traced }
}

/// Returns the key of a call, and true if other arguments have the same key.
///
/// # Errors
/// The reason for which the call has no entry.
fn entry_key(
    bound: &Bound,
    instance: &'static Instance,
    key: &dyn FullKey,
    fill_tags: &mut dyn FnMut(&mut Tags),
) -> Result<(Arc<CallKey>, bool), Uncached> {
    // R3: the code of an argument's type must not fail a call, which can also run without a key.
    let full = unless_panicking(|| key.full(bound, instance));
    let (memory, name) = full.unwrap_or(Err(Uncached::KeyPanics))?;
    let print = unless_panicking(|| key.print(instance));
    let Print { fingerprint, is_alike } = print.ok_or(Uncached::FingerprintPanics)?;
    let mut tags = Tags::default();
    fill_tags(&mut tags);
    if let Some(fault) = tags.fault {
        return Err(fault);
    }
    if instance.spec.inherits.is_any() {
        tags.rendered.push(CLEARED.to_owned());
    }
    let key = match name {
        Some(name) => CallKey::of_template(memory, instance, name, tags.rendered),
        None => CallKey::of_arguments(memory, instance.origin, tags.rendered),
    };
    Ok((Arc::new(key.printed(fingerprint)), is_alike))
}

/// Returns the function and the entry of a call that memory has answered, for its collector.
pub(super) fn subject(
    bound: &Bound,
    instance: &'static Instance,
    key: &dyn FullKey,
    fill_tags: &mut dyn FnMut(&mut Tags),
) -> Subject {
    let key = entry_key(bound, instance, key, fill_tags).ok();
    Subject::of_function(instance, key.map(|(key, _)| key))
}

fn prepare(
    bound: &Bound,
    context: CallContext,
    instance: &'static Instance,
    parts: CallParts<'_>,
    early: bool,
) -> MissedCall {
    if let Some(reason) = context.bypass_reason(bound) {
        bound.counters.slow.bypassed.one();
        return MissedCall::bypassing(instance, reason);
    }
    match Prepared::new(bound, instance, parts, Demands { early, ..Demands::default() }) {
        Ok(prepared) if prepared.is_refused() => {
            let (state, traced) = (CallState::Bypass(Reply::default()), prepared.traced());
            MissedCall { state, traced }.past(BypassReason::Alike)
        }
        Ok(prepared) => {
            let uncommitted = prepared.uncommitted();
            prepared.ordinary(uncommitted)
        }
        Err(uncached) => {
            bound.counters.slow.not_stored.one();
            say_uncached(bound, instance, &uncached);
            MissedCall::bypassing(instance, BypassReason::NoEntry)
        }
    }
}

/// Returns a call that has received a request. If the request can be fulfilled at once, it is. `bypass` is the reason for
/// which the call bypasses the cache.
fn grant(
    mut prepared: Box<Prepared>,
    bypass: Option<BypassReason>,
    request: Request,
    reply: &Reply,
) -> MissedCall {
    let action = match (request, bypass) {
        (Request::Resolve | Request::Look, _) => {
            reply.send(Response::Resolved(Box::new(prepared.resolved(bypass))));
            return prepared.ordinary(bypass).suspended();
        }
        (Request::Put(output), _) => prepared
            .value_of(output, bypass.is_some())
            .map_or_else(EntryAction::Remove, EntryAction::Put),
        (Request::Peek(_), Some(_)) => {
            reply.send(Response::Absent);
            return prepared.ordinary(bypass).suspended();
        }
        (Request::Fetch(options), Some(_)) if options.only_if_cached => {
            let function = prepared.instance.label();
            reply.send(Response::Refused(Error::NotCached { function }));
            return prepared.ordinary(bypass).suspended();
        }
        (Request::Bypass, _) => return prepared.bypassed(BypassReason::Requested, reply),
        (_, Some(reason)) => return prepared.bypassed(reason, reply),
        (Request::Peek(max_age), None) => {
            prepared.demands.max_age = max_age;
            EntryAction::Peek
        }
        (Request::Fetch(options), None) => {
            prepared.demands.max_age = options.max_age;
            if !options.only_if_cached {
                prepared.reply = Some(reply.clone());
                return prepared.ordinary(None);
            }
            EntryAction::Cached
        }
        (Request::Refresh, None) => EntryAction::Refresh,
    };
    if let Some(heir) = &prepared.heir {
        heir.lose(Untraced::NotStored);
    }
    let traced = prepared.traced();
    MissedCall { state: CallState::Requested(prepared, action, reply.clone()), traced }
}

impl Prepared {
    /// Prepares a call.
    ///
    /// # Errors
    /// The reason for which the call has no entry.
    fn new(
        bound: &Bound,
        instance: &'static Instance,
        parts: CallParts<'_>,
        demands: Demands,
    ) -> Result<Box<Self>, Uncached> {
        let CallParts { key, tags: fill_tags, rules } = parts;
        let rules = rules();
        // The output is a `Result` behind a bare type parameter. Its errors would be stored.
        if !rules.whole && rules.of.name().starts_with("core::result::Result<") {
            return Err(Uncached::HiddenResult);
        }
        let (key, is_alike) = entry_key(bound, instance, key, fill_tags)?;
        let bound = bound.clone();
        let (reply, heir, scope) = (None, call::heir(), deferral::current());
        Ok(Box::new(Prepared {
            bound,
            instance,
            key,
            is_alike,
            rules,
            demands,
            reply,
            heir,
            scope,
            offer: None,
        }))
    }

    /// Returns the reason for which the call bypasses the cache, if it depends on something that is not committed.
    fn uncommitted(&self) -> Option<BypassReason> {
        let derives = self.instance.spec.inherits.is_any() || self.rules.has_tags_of();
        let read = ReadOf { core: &self.bound.core, key: &self.key, derives };
        let covers = self.scope.as_ref()?.covers(read);
        covers.then_some(BypassReason::Uncommitted)
    }

    /// Returns true if other arguments have the same key. Then this is logged, and the call is not cached.
    fn is_refused(&self) -> bool {
        if self.is_alike {
            self.bound.counters.slow.not_stored.one();
            self.instance.alarm.tell(&self.instance.spec.declared);
        }
        self.is_alike
    }

    /// Returns the call as if it had received no request.
    fn ordinary(self: Box<Self>, bypass: Option<BypassReason>) -> MissedCall {
        match bypass {
            Some(reason) => self.bypassed(reason, &Reply::default()),
            None => MissedCall { traced: self.traced(), state: CallState::Cached(self) },
        }
    }

    fn bypassed(&self, reason: BypassReason, reply: &Reply) -> MissedCall {
        self.bound.counters.slow.bypassed.one();
        MissedCall { state: CallState::Bypass(reply.clone()), traced: self.traced() }.past(reason)
    }

    /// Returns the call for its collector, if it has one.
    fn traced(&self) -> Option<Box<Traced>> {
        Traced::begin(|| Subject::of_function(self.instance, Some(Arc::clone(&self.key))))
    }

    fn policy(&self) -> Result<Policy, Uncached> {
        policy(&self.bound, self.instance, &self.rules)
    }

    /// Returns the call, if its TTLs can be used; otherwise, sends the error as the response to a request.
    fn into_call(self, shares: Shares) -> Option<(Arc<Call>, Option<Reply>)> {
        let policy = match self.policy() {
            Ok(policy) => policy,
            Err(uncached) => {
                self.bound.counters.slow.not_stored.one();
                if let Some(reply) = &self.reply {
                    reply.send(Response::Refused(uncached.into_error(self.instance.label())));
                }
                return None;
            }
        };
        let Bound { core, counters, stores } = self.bound;
        let (key, demands) = (self.key, self.demands);
        let (heir, scope) = (self.heir, self.scope);
        let offer = self.offer;
        let call =
            Call { core, counters, key, policy, shares, stores, demands, heir, scope, offer };
        Some((Arc::new(call), self.reply))
    }

    /// Returns the entry. A call that is not cached has no policy for it.
    fn resolved(&self, bypass: Option<BypassReason>) -> Resolved {
        let policy = self.policy().ok().filter(|_| bypass.is_none());
        let (bound, key) = (self.bound.clone(), Arc::clone(&self.key));
        Resolved { bound, key, policy, bypass, queue: deferral::innermost() }
    }

    /// Returns a value of the function's own type.
    fn value_of(&self, value: Box<dyn Any + Send>, bypass: bool) -> Result<Value, Error> {
        let function = self.instance.label();
        let refused = |reason| Error::NotStored { function, reason };
        if bypass {
            return Err(refused(
                "`bypass_if` is true, the function is switched off, or the mode is `off`; the entry was removed",
            ));
        }
        let other = "the function stores another type; the entry was removed";
        self.rules.of.of_box(value).ok_or_else(|| refused(other))
    }
}

/// Looks for a value. Returns `None` if the TTLs of the call cannot be used.
async fn look(mut prepared: Box<Prepared>, shares: Shares) -> Option<CallState> {
    // A body that inherits waits for the dependencies of each value, so nothing is left to a task.
    prepared.demands.background = prepared.heir.is_none();
    let (call, reply) = prepared.into_call(shares)?;
    if call.reads_only() {
        return Some(match call::answer(&call).await {
            Action::Return(served) => CallState::Done(served, reply),
            Action::Load(_) | Action::Bypass => CallState::Bypass(reply.unwrap_or_default()),
        });
    }
    Some(match call::look(&call).await {
        Step::Done(served) => CallState::Done(served, reply),
        Step::Load(loading) => match call::place_of(&call, &loading) {
            Some(slot) => {
                let step = Detached { loading: *loading, slot };
                CallState::Detached(Box::new(LookedUp { call, step, reply }))
            }
            None => CallState::Load(Box::new(LookedUp { call, step: *loading, reply })),
        },
        Step::BackgroundRefresh(step) => {
            CallState::BackgroundRefresh(Box::new(LookedUp { call, step: *step, reply }))
        }
        Step::Verify(step) => {
            CallState::Verify(Box::new(LookedUp { call, step: *step, reply }), None)
        }
    })
}

/// Runs a load in a task of its own, and waits for its output.
async fn run_detached<F>(
    looked: Box<LookedUp<Detached>>,
    body: BackgroundBody,
    around: impl FnOnce(Boxed<()>) -> F,
) -> CallState
where
    F: Future<Output = ()> + Send + 'static,
{
    let LookedUp { call, step, reply } = *looked;
    let of_task = Arc::clone(&call);
    let origin = Arc::new(OnceCell::new());
    let load = |loading, caller| {
        let of_load = Arc::clone(&origin);
        let next = async move {
            let action = boxed(|| call::begin(&of_task, loading)).await;
            // The caller, and the sender of a request, have the origin before the output.
            let tell = move |origin| {
                _ = of_load.set(origin);
                reply.into_iter().for_each(|reply| reply.send(Response::Found(origin)));
            };
            Next { action, tell: Some(Box::new(tell)), traced: None }
        };
        body.run(Box::pin(next), caller)
    };
    let output = call::run_detached(call, step, load, around).await;
    let origin = origin.get().copied().unwrap_or_else(|| Origin::new(Source::Load));
    match output {
        Some(output) => CallState::Done(Served { output, origin }, None),
        // The task has been cancelled. It is always correct to run the body.
        None => CallState::Bypass(Reply::default()),
    }
}

/// Returns to the poller once, and goes on when polled again.
pub(super) async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

async fn act(
    mut prepared: Box<Prepared>,
    action: EntryAction,
    reply: Reply,
    shares: Shares,
    traced: Option<Box<Traced>>,
) -> Next {
    let function = prepared.instance.label();
    let (core, name) = (Arc::clone(&prepared.bound.core), Arc::clone(&prepared.key));
    prepared.reply = Some(reply.clone());
    let call = prepared.into_call(shares);
    if let (EntryAction::Remove(_), _) | (EntryAction::Put(_), None) = (&action, &call) {
        // The stored value is older than the one to put.
        deferral::invalidate(&core, Targets::name(name.name().as_str())).await;
    }
    let told = |action, reply, reason| told(action, reply, traced, reason);
    let Some((call, _)) = call else {
        return told(Action::Bypass, None, BypassReason::NoEntry);
    };
    let found = match action {
        EntryAction::Refresh => {
            let action = call::begin_refresh(&call).await;
            return told(action, Some(reply), call.bypass_reason());
        }
        EntryAction::Peek => call::peek(&call).await.ok_or(Response::Absent),
        EntryAction::Cached => {
            call::cached(&call).await.ok_or(Response::Refused(Error::NotCached { function }))
        }
        EntryAction::Put(value) => {
            let stored = call::put(&call, function, value.as_ref()).await;
            Err(stored.map_or_else(Response::Refused, |()| Response::Stored))
        }
        EntryAction::Remove(error) => Err(Response::Refused(error)),
    };
    match found {
        Ok(found) => told(Action::Return(found), Some(reply), BypassReason::Recursion),
        Err(answer) => {
            reply.send(answer);
            yield_once().await;
            if call.core.is_off() {
                return told(Action::Bypass, None, BypassReason::Off);
            }
            let action = call::turn(&call).await;
            told(action, None, call.bypass_reason())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest allocation that the allocators of common systems serve without a search.
    const FAST: usize = 1_032;

    #[test]
    fn the_future_of_a_call_is_allocated_quickly() {
        let call = MissedCall { state: CallState::Bypass(Reply::default()), traced: None };
        let size = size_of_val(&*call.next(None));
        assert!(size <= FAST, "{size}");
    }
}
