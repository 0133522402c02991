//! What follows if memory did not have the value of a call. Compiled once, but for the body.

use std::any::Any;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::begin::{Early, Own, Parts, Tags, Why};
use super::hooks::{Rules, policy, say_uncached};
use super::key_source::Print;
use crate::boxed::{Boxed, boxed};
use crate::call::{
    self, BackgroundRefresh, Body, CallKey, Demands, Loading, Next, Policy, Run, Served, Turn,
};
use crate::core::Bound;
use crate::error::Error;
use crate::invalidate::Targets;
use crate::manager;
use crate::output::{CacheValue, OutputKind, SharedErrors, Shares};
use crate::panics::unless_panicking;
use crate::request::{Delivery, Reply, Request, Resolved, Response};
use crate::seldom::Reason;
use crate::site::Instance;
use crate::value::Value;

const KEY_PANICS: &str = "the `Serialize` or `Display` of a value in its key panics; mend it, or leave the value out of the key";
const FINGERPRINT_PANICS: &str =
    "the `Hash` or `Debug` of an argument panics; mend it, or write a `key`";

/// A call that was not answered from memory.
pub struct Call(What);

enum What {
    /// Bypass: the body.
    Bypass(Reply),
    /// Whoever asked has an answer, or was not asking this call, and drops it: unless it is not
    /// theirs to drop. Then it goes on when it is polled again.
    Later(Box<What>),
    Cached(Box<Prepared>),
    /// Somebody asks for something else than the output.
    Requested(Box<Prepared>, Deed, Reply),
    /// Looked for, and found, or loaded by another.
    Done(Served, Option<Reply>),
    /// Looked for: nothing is there that answers the call.
    Load(Box<Looked<Loading>>),
    /// Looked for: there is something, and it is to be refreshed by a task.
    BackgroundRefresh(Box<Looked<BackgroundRefresh>>),
}

enum Deed {
    Peek,
    /// What can be served without a load.
    Cached,
    Refresh,
    Put(Value),
    /// To remove what is there, since what was to be put cannot be.
    Remove(Error),
}

struct Prepared {
    bound: Bound,
    instance: &'static Instance,
    key: Arc<CallKey>,
    is_alike: bool,
    rules: Rules,
    demands: Demands,
    /// Who is told where the output comes from.
    reply: Option<Reply>,
}

struct Looked<S> {
    call: Arc<call::Call>,
    step: S,
    reply: Option<Reply>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match &self.0 {
            What::Cached(prepared) | What::Requested(prepared, ..) => Some(&prepared.key),
            What::Load(looked) => Some(&looked.call.key),
            What::BackgroundRefresh(looked) => Some(&looked.call.key),
            What::Bypass(_) | What::Later(_) | What::Done(..) => None,
        };
        f.debug_struct("Call").field("key", &key).finish()
    }
}

impl Call {
    #[cold]
    #[inline(never)]
    pub(super) fn new(
        bound: &Bound,
        own: Own,
        instance: &'static Instance,
        parts: Parts<'_>,
        why: Why,
    ) -> Self {
        let (request, reply) = match why {
            Why::Missed(Early(early)) => return Call(prepare(bound, own, instance, parts, early)),
            Why::Requested(Delivery::NotMine) => {
                return Call(prepare(bound, own, instance, parts, false).later());
            }
            Why::Requested(Delivery::Mine(request, reply)) => (request, reply),
        };
        Call(match Prepared::new(bound, instance, parts, Demands::default()) {
            Ok(prepared) => {
                let bypass = own.goes_past(bound) || prepared.is_refused();
                grant(prepared, bypass, request, &reply)
            }
            Err((_, reason)) => {
                let function = instance.label();
                reply.send(Response::Refused(Error::NoEntry { function, reason }));
                What::Bypass(Reply::default()).later()
            }
        })
    }

    /// Runs the call: the value of another caller, a store, or the body.
    pub fn run<K, F>(
        self,
        _kind: K,
        share: SharedErrors<K::Error>,
        body: Pin<&mut F>,
    ) -> Run<'_, K, F>
    where
        K: OutputKind,
        K::Value: CacheValue,
        F: Future<Output = K::Output>,
    {
        Run::new(self.next(share.fits()), share, body)
    }

    /// Looks for a value that answers the call. For functions whose body can be had for a task.
    pub fn look<E>(self, share: SharedErrors<E>) -> Boxed<Self> {
        self.look_for_one_that(share.fits())
    }

    fn look_for_one_that(self, shares: Shares) -> Boxed<Self> {
        Box::pin(async move {
            match self.0 {
                What::Cached(prepared) => Call(look(prepared, shares).await),
                What::Later(what) => {
                    yield_once().await;
                    Call(*what).look_for_one_that(shares).await
                }
                what => Call(what),
            }
        })
    }

    /// Whether the body is wanted for a task of its own.
    pub fn wants_a_task(&self) -> bool {
        matches!(self.0, What::BackgroundRefresh(_))
    }

    /// Runs the body in a task of its own.
    pub fn run_in_background(self, body: Background) -> Boxed<Self> {
        Box::pin(async move {
            let What::BackgroundRefresh(looked) = self.0 else { return self };
            let scope = manager::scoped().map(|manager| manager.downgrade());
            let Looked { call, step, reply } = *looked;
            let served =
                call.run_in_background(step, body.0, |task| manager::carried(scope, task)).await;
            Call(What::Done(served, reply))
        })
    }

    fn next(self, shares: Shares) -> Boxed<Next> {
        Box::pin(async move {
            match self.0 {
                What::Later(what) => {
                    yield_once().await;
                    Call(*what).next(shares).await
                }
                What::Bypass(reply) => told(Turn::Bypass, Some(reply)),
                What::Cached(prepared) => match prepared.into_call(shares) {
                    Ok((call, reply)) => told(call.turn().await, reply),
                    Err(()) => told(Turn::Bypass, None),
                },
                What::Requested(prepared, deed, reply) => {
                    boxed(|| act(prepared, deed, reply, shares)).await
                }
                What::Done(served, reply) => told(Turn::Done(served), reply),
                What::Load(looked) => {
                    let Looked { call, step, reply } = *looked;
                    told(boxed(|| call.begin_load(step)).await, reply)
                }
                // Generated code asks before whether a task is wanted.
                What::BackgroundRefresh(_) => told(Turn::Bypass, None),
            }
        })
    }
}

/// A body for a task of its own.
pub struct Background(Body);

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Background")
    }
}

impl Background {
    pub(super) fn new(body: Body) -> Self {
        Background(body)
    }
}

/// What a caller does next; who asked is told where the output comes from.
fn told(turn: Turn, reply: Option<Reply>) -> Next {
    let tell = reply.map(|reply| Box::new(move |origin| reply.send(Response::Found(origin))) as _);
    Next { turn, tell }
}

fn prepare(
    bound: &Bound,
    own: Own,
    instance: &'static Instance,
    parts: Parts<'_>,
    early: bool,
) -> What {
    if own.goes_past(bound) {
        bound.counters.slow.bypassed.one();
        return What::Bypass(Reply::default());
    }
    match Prepared::new(bound, instance, parts, Demands { early, ..Demands::default() }) {
        Ok(prepared) if prepared.is_refused() => What::Bypass(Reply::default()),
        Ok(prepared) => What::Cached(prepared),
        Err((kind, reason)) => {
            bound.counters.slow.not_stored.one();
            say_uncached(bound, instance, kind, &reason);
            What::Bypass(Reply::default())
        }
    }
}

impl What {
    fn later(self) -> Self {
        What::Later(Box::new(self))
    }
}

/// What a request makes of a call; if it can be fulfilled at once, it is.
fn grant(mut prepared: Box<Prepared>, bypass: bool, request: Request, reply: &Reply) -> What {
    let deed = match request {
        Request::Resolve => {
            reply.send(Response::Resolved(prepared.resolved(bypass)));
            return prepared.ordinary(bypass).later();
        }
        Request::Put(output) => {
            prepared.value_of(output, bypass).map_or_else(Deed::Remove, Deed::Put)
        }
        Request::Peek(_) if bypass => {
            reply.send(Response::Absent);
            return prepared.ordinary(bypass).later();
        }
        Request::Fetch(options) if bypass && options.only_if_cached => {
            let function = prepared.instance.label();
            reply.send(Response::Refused(Error::NotCached { function }));
            return prepared.ordinary(bypass).later();
        }
        Request::Bypass => return prepared.bypassed(reply),
        _ if bypass => return prepared.bypassed(reply),
        Request::Peek(max_age) => {
            prepared.demands.max_age = max_age;
            Deed::Peek
        }
        Request::Fetch(options) => {
            prepared.demands.max_age = options.max_age;
            if !options.only_if_cached {
                prepared.reply = Some(reply.clone());
                return What::Cached(prepared);
            }
            Deed::Cached
        }
        Request::Refresh => Deed::Refresh,
    };
    What::Requested(prepared, deed, reply.clone())
}

impl Prepared {
    /// Why the call has no entry, if it has none.
    fn new(
        bound: &Bound,
        instance: &'static Instance,
        parts: Parts<'_>,
        demands: Demands,
    ) -> Result<Box<Self>, (Reason, String)> {
        let Parts { key, tags: fill_tags, rules } = parts;
        let rules = rules();
        // A `Result` that hides behind a bare type parameter: its errors would be stored.
        if !rules.whole && rules.of.name().starts_with("core::result::Result<") {
            let hidden = "it returns a `Result` that cannot be seen in its signature; write `output = \"result\"` (or \"plain\", to store errors as well)";
            return Err((Reason::Output, hidden.into()));
        }
        // R3: the code of an argument's type is not to fail a call that does without a key, too.
        let full = unless_panicking(|| key.full(bound, instance));
        let full = full.unwrap_or_else(|| Err(KEY_PANICS.into()));
        let (memory, name) = full.map_err(|reason| (Reason::Key, reason))?;
        let print = unless_panicking(|| key.print(instance));
        let Print { fingerprint, is_alike } =
            print.ok_or_else(|| (Reason::Fingerprint, FINGERPRINT_PANICS.into()))?;
        let mut tags = Tags::default();
        fill_tags(&mut tags);
        if tags.failed {
            return Err((Reason::Tags, "the `Display` of a value in a tag failed".into()));
        }
        let key = match name {
            Some(name) => CallKey::new(memory, instance.origin, name, tags.rendered),
            None => CallKey::of_arguments(memory, instance.origin, tags.rendered),
        };
        let key = Arc::new(key.printed(fingerprint));
        let bound = bound.clone();
        Ok(Box::new(Prepared { bound, instance, key, is_alike, rules, demands, reply: None }))
    }

    /// Whether other arguments have the same key. Then this is said, and the call is not cached.
    fn is_refused(&self) -> bool {
        if self.is_alike {
            self.bound.counters.slow.not_stored.one();
            self.instance.alarm.tell(&self.instance.spec.declared);
        }
        self.is_alike
    }

    /// The call as if nobody had asked for anything.
    fn ordinary(self: Box<Self>, bypass: bool) -> What {
        if bypass { self.bypassed(&Reply::default()) } else { What::Cached(self) }
    }

    fn bypassed(&self, reply: &Reply) -> What {
        self.bound.counters.slow.bypassed.one();
        What::Bypass(reply.clone())
    }

    fn policy(&self) -> Result<Policy, String> {
        policy(&self.bound, self.instance, &self.rules)
    }

    /// The call, if its TTLs can be used; if not, whoever asks is told so.
    fn into_call(self, shares: Shares) -> Result<(Arc<call::Call>, Option<Reply>), ()> {
        let policy = self.policy().map_err(|reason| {
            self.bound.counters.slow.not_stored.one();
            if let Some(reply) = &self.reply {
                let function = self.instance.label();
                reply.send(Response::Refused(Error::NoEntry { function, reason }));
            }
        })?;
        let Bound { core, counters, stores } = self.bound;
        let (key, demands) = (self.key, self.demands);
        let call = call::Call { core, counters, key, policy, shares, stores, demands };
        Ok((Arc::new(call), self.reply))
    }

    /// The entry. A call that is not cached has no policy for it.
    fn resolved(&self, bypass: bool) -> Resolved {
        let policy = self.policy().ok().filter(|_| !bypass);
        Resolved { bound: self.bound.clone(), key: Arc::clone(&self.key), policy }
    }

    /// A value of the function's own type.
    fn value_of(&self, value: Box<dyn Any + Send>, bypass: bool) -> Result<Value, Error> {
        let function = self.instance.label();
        let refused = |reason| Error::NotStored { function, reason };
        if bypass {
            return Err(refused(
                "`bypass_if` refuses it, or the function is switched off; nothing is stored any more",
            ));
        }
        let other = "the function stores another type; nothing is stored any more";
        self.rules.of.of_box(value).ok_or_else(|| refused(other))
    }
}

async fn look(mut prepared: Box<Prepared>, shares: Shares) -> What {
    prepared.demands.background = true;
    let Ok((call, reply)) = prepared.into_call(shares) else {
        return What::Bypass(Reply::default());
    };
    match call.look().await {
        call::Step::Done(served) => What::Done(served, reply),
        call::Step::Load(step) => What::Load(Box::new(Looked { call, step, reply })),
        call::Step::BackgroundRefresh(step) => {
            What::BackgroundRefresh(Box::new(Looked { call, step, reply }))
        }
    }
}

/// Lets whoever polls see that this has come to a stop, and goes on when polled again.
async fn yield_once() {
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

async fn act(mut prepared: Box<Prepared>, deed: Deed, reply: Reply, shares: Shares) -> Next {
    let function = prepared.instance.label();
    let (core, name) = (Arc::clone(&prepared.bound.core), Arc::clone(&prepared.key));
    prepared.reply = Some(reply.clone());
    let call = prepared.into_call(shares);
    if let (Deed::Remove(_), _) | (Deed::Put(_), Err(())) = (&deed, &call) {
        // What is there is older than what was to be put.
        core.invalidate(&Targets::name(name.name().as_str())).await;
    }
    let Ok((call, _)) = call else { return told(Turn::Bypass, None) };
    let found = match deed {
        Deed::Refresh => return told(call.begin_refresh().await, Some(reply)),
        Deed::Peek => call.peek().await.ok_or(Response::Absent),
        Deed::Cached => call.cached().await.ok_or(Response::Refused(Error::NotCached { function })),
        Deed::Put(value) => {
            let stored = call.set(function, &*value).await;
            Err(stored.map_or_else(Response::Refused, |()| Response::Stored))
        }
        Deed::Remove(error) => Err(Response::Refused(error)),
    };
    match found {
        Ok(found) => told(Turn::Done(Served::found(found)), Some(reply)),
        Err(answer) => {
            reply.send(answer);
            yield_once().await;
            told(call.turn().await, None)
        }
    }
}
