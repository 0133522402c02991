//! A call that was not answered from memory. It is compiled once, except for the body.

use std::any::Any;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::context::{CallContext, CallParts, Early, MissReason, Tags};
use super::hooks::{Rules, policy, say_uncached};
use super::key_source::Print;
use super::task::BackgroundBody;
use super::uncached::Uncached;
use crate::cache_call::request::{Delivery, Reply, Request, Resolved, Response};
use crate::call::{
    self, Action, BackgroundRefresh, Call, Demands, Detached, Loading, Next, Run, Served, Step,
};
use crate::error::Error;
use crate::manager;
use crate::output::{SharedErrors, Shares};
use crate::site::Instance;
use crate::support::boxed::{Boxed, boxed};
use crate::support::panics::unless_panicking;
use crate::tiers::core::Bound;
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
///     |                `-> Detached --run_in_a_task--> Done
///     |-> Requested                                          -> act on the entry
///     `-> Suspended   the request has been answered: if the call is polled again, it goes on as if there had been none
/// ```
pub struct MissedCall(CallState);

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
}

struct LookedUp<S> {
    call: Arc<Call>,
    step: S,
    reply: Option<Reply>,
}

impl fmt::Debug for MissedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match &self.0 {
            CallState::Cached(prepared) | CallState::Requested(prepared, ..) => Some(&prepared.key),
            CallState::Load(looked) => Some(&looked.call.key),
            CallState::BackgroundRefresh(looked) => Some(&looked.call.key),
            CallState::Detached(looked) => Some(&looked.call.key),
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
        let (request, reply) = match why {
            MissReason::NotServed(Early(early)) => {
                return MissedCall(prepare(bound, context, instance, parts, early));
            }
            MissReason::Requested(Delivery::NotMine) => {
                return MissedCall(prepare(bound, context, instance, parts, false).suspended());
            }
            MissReason::Requested(Delivery::Mine(request, reply)) => (request, reply),
        };
        MissedCall(match Prepared::new(bound, instance, parts, Demands::default()) {
            Ok(prepared) => {
                let bypass = context.bypasses(bound) || prepared.is_refused();
                grant(prepared, bypass, request, &reply)
            }
            Err(uncached) => {
                reply.send(Response::Refused(uncached.into_error(instance.label())));
                CallState::Bypass(Reply::default()).suspended()
            }
        })
    }

    /// Returns the call, for a function of many keys; `None` if it is not cached.
    pub(super) fn into_call(self) -> Option<Arc<Call>> {
        match self.0 {
            CallState::Cached(prepared) => prepared.into_call(None).map(|(call, _)| call),
            CallState::Suspended(state) => MissedCall(*state).into_call(),
            _ => None,
        }
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

    /// Looks for a value that answers the call. For functions whose body can run in a task.
    pub fn look<E>(self, share: SharedErrors<E>) -> Boxed<Self> {
        self.look_for_one_that(share.fits())
    }

    fn look_for_one_that(self, shares: Shares) -> Boxed<Self> {
        Box::pin(async move {
            match self.0 {
                CallState::Cached(prepared) => MissedCall(look(prepared, shares).await),
                CallState::Suspended(state) => {
                    yield_once().await;
                    MissedCall(*state).look_for_one_that(shares).await
                }
                state => MissedCall(state),
            }
        })
    }

    /// Returns true if the body is needed for a task.
    pub fn wants_a_task(&self) -> bool {
        matches!(self.0, CallState::BackgroundRefresh(_) | CallState::Detached(_))
    }

    /// Runs the body in a task of its own.
    pub fn run_in_a_task(self, body: BackgroundBody) -> Boxed<Self> {
        Box::pin(async move {
            let scope = manager::scoped().map(|manager| manager.downgrade());
            let around = |task| manager::carried(scope, task);
            MissedCall(match self.0 {
                CallState::BackgroundRefresh(looked) => {
                    let LookedUp { call, step, reply } = *looked;
                    let of_task = Arc::clone(&call);
                    match call::run_in_background(of_task, step, body.lost(), around).await {
                        Step::Done(served) => CallState::Done(served, reply),
                        Step::Load(step) => {
                            CallState::Load(Box::new(LookedUp { call, step, reply }))
                        }
                        // It has begun already.
                        Step::BackgroundRefresh(_) => CallState::Bypass(reply.unwrap_or_default()),
                    }
                }
                CallState::Detached(looked) => run_detached(looked, body, around).await,
                state => state,
            })
        })
    }

    /// Continues without a task, because an argument cannot be copied for one.
    #[must_use]
    pub fn without_a_task(self) -> Self {
        MissedCall(match self.0 {
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
            state => state,
        })
    }

    fn next(self, shares: Shares) -> Boxed<Next> {
        boxed(|| async move {
            match self.0 {
                CallState::Suspended(state) => {
                    yield_once().await;
                    MissedCall(*state).next(shares).await
                }
                CallState::Bypass(reply) => told(Action::Bypass, Some(reply)),
                CallState::Cached(prepared) => match prepared.into_call(shares) {
                    Some((call, reply)) => told(call::turn(&call).await, reply),
                    None => told(Action::Bypass, None),
                },
                CallState::Requested(prepared, action, reply) => {
                    boxed(|| act(prepared, action, reply, shares)).await
                }
                CallState::Done(served, reply) => told(Action::Return(served), reply),
                CallState::Load(looked) => {
                    let LookedUp { call, step, reply } = *looked;
                    told(boxed(|| call::begin(&call, step)).await, reply)
                }
                // Generated code has checked before that no task is needed.
                CallState::BackgroundRefresh(_) | CallState::Detached(_) => {
                    told(Action::Bypass, None)
                }
            }
        })
    }
}

/// Returns the next action of a caller. The sender of a request receives the origin of the output.
fn told(action: Action, reply: Option<Reply>) -> Next {
    let tell = reply.map(|reply| Box::new(move |origin| reply.send(Response::Found(origin))) as _);
    Next { action, tell }
}

fn prepare(
    bound: &Bound,
    context: CallContext,
    instance: &'static Instance,
    parts: CallParts<'_>,
    early: bool,
) -> CallState {
    if context.bypasses(bound) {
        bound.counters.slow.bypassed.one();
        return CallState::Bypass(Reply::default());
    }
    match Prepared::new(bound, instance, parts, Demands { early, ..Demands::default() }) {
        Ok(prepared) if prepared.is_refused() => CallState::Bypass(Reply::default()),
        Ok(prepared) => CallState::Cached(prepared),
        Err(uncached) => {
            bound.counters.slow.not_stored.one();
            say_uncached(bound, instance, &uncached);
            CallState::Bypass(Reply::default())
        }
    }
}

impl CallState {
    fn suspended(self) -> Self {
        CallState::Suspended(Box::new(self))
    }
}

/// Returns the state of a call that has received a request. If the request can be fulfilled at once, it is.
fn grant(mut prepared: Box<Prepared>, bypass: bool, request: Request, reply: &Reply) -> CallState {
    let action = match request {
        Request::Resolve | Request::Look => {
            reply.send(Response::Resolved(prepared.resolved(bypass)));
            return prepared.ordinary(bypass).suspended();
        }
        Request::Put(output) => {
            prepared.value_of(output, bypass).map_or_else(EntryAction::Remove, EntryAction::Put)
        }
        Request::Peek(_) if bypass => {
            reply.send(Response::Absent);
            return prepared.ordinary(bypass).suspended();
        }
        Request::Fetch(options) if bypass && options.only_if_cached => {
            let function = prepared.instance.label();
            reply.send(Response::Refused(Error::NotCached { function }));
            return prepared.ordinary(bypass).suspended();
        }
        Request::Bypass => return prepared.bypassed(reply),
        _ if bypass => return prepared.bypassed(reply),
        Request::Peek(max_age) => {
            prepared.demands.max_age = max_age;
            EntryAction::Peek
        }
        Request::Fetch(options) => {
            prepared.demands.max_age = options.max_age;
            if !options.only_if_cached {
                prepared.reply = Some(reply.clone());
                return CallState::Cached(prepared);
            }
            EntryAction::Cached
        }
        Request::Refresh => EntryAction::Refresh,
    };
    CallState::Requested(prepared, action, reply.clone())
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
        // R3: the code of an argument's type must not fail a call, which can also run without a key.
        let full = unless_panicking(|| key.full(bound, instance));
        let (memory, name) = full.unwrap_or(Err(Uncached::KeyPanics))?;
        let print = unless_panicking(|| key.print(instance));
        let Print { fingerprint, is_alike } = print.ok_or(Uncached::FingerprintPanics)?;
        let mut tags = Tags::default();
        fill_tags(&mut tags);
        if tags.failed {
            return Err(Uncached::TagDisplay);
        }
        let key = match name {
            Some(name) => CallKey::new(memory, instance.origin, name, tags.rendered),
            None => CallKey::of_arguments(memory, instance.origin, tags.rendered),
        };
        let key = Arc::new(key.printed(fingerprint));
        let bound = bound.clone();
        Ok(Box::new(Prepared { bound, instance, key, is_alike, rules, demands, reply: None }))
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
    fn ordinary(self: Box<Self>, bypass: bool) -> CallState {
        if bypass { self.bypassed(&Reply::default()) } else { CallState::Cached(self) }
    }

    fn bypassed(&self, reply: &Reply) -> CallState {
        self.bound.counters.slow.bypassed.one();
        CallState::Bypass(reply.clone())
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
        let call = Call { core, counters, key, policy, shares, stores, demands };
        Some((Arc::new(call), self.reply))
    }

    /// Returns the entry. A call that is not cached has no policy for it.
    fn resolved(&self, bypass: bool) -> Resolved {
        let policy = self.policy().ok().filter(|_| !bypass);
        Resolved { bound: self.bound.clone(), key: Arc::clone(&self.key), policy }
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

async fn look(mut prepared: Box<Prepared>, shares: Shares) -> CallState {
    prepared.demands.background = true;
    let Some((call, reply)) = prepared.into_call(shares) else {
        return CallState::Bypass(Reply::default());
    };
    match call::look(&call).await {
        Step::Done(served) => CallState::Done(served, reply),
        Step::Load(loading) => match call::place_of(&call, &loading) {
            Some(slot) => {
                let step = Detached { loading, slot };
                CallState::Detached(Box::new(LookedUp { call, step, reply }))
            }
            None => CallState::Load(Box::new(LookedUp { call, step: loading, reply })),
        },
        Step::BackgroundRefresh(step) => {
            CallState::BackgroundRefresh(Box::new(LookedUp { call, step, reply }))
        }
    }
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
    let load = |loading, caller| {
        // The sender of a request has the origin before the caller has the output.
        let next = async move { told(boxed(|| call::begin(&of_task, loading)).await, reply) };
        body.run(Box::pin(next), caller)
    };
    match call::run_detached(call, step, load, around).await {
        Some(output) => CallState::Done(Served { output, origin: Origin::new(Source::Load) }, None),
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
) -> Next {
    let function = prepared.instance.label();
    let (core, name) = (Arc::clone(&prepared.bound.core), Arc::clone(&prepared.key));
    prepared.reply = Some(reply.clone());
    let call = prepared.into_call(shares);
    if let (EntryAction::Remove(_), _) | (EntryAction::Put(_), None) = (&action, &call) {
        // The stored value is older than the one to put.
        core.invalidate(&Targets::name(name.name().as_str())).await;
    }
    let Some((call, _)) = call else { return told(Action::Bypass, None) };
    let found = match action {
        EntryAction::Refresh => return told(call::begin_refresh(&call).await, Some(reply)),
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
        Ok(found) => told(Action::Return(found), Some(reply)),
        Err(answer) => {
            reply.send(answer);
            yield_once().await;
            if call.core.is_off() {
                return told(Action::Bypass, None);
            }
            told(call::turn(&call).await, None)
        }
    }
}
