//! The first step of a call, synchronous; and what follows if that was not all.

use std::any::{Any, type_name};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::KeySource;
use super::hooks::{Hooks, policy};
use crate::ambient;
use crate::asked::{self, Answer, Reply, Resolved, Taken, Wish};
use crate::boxed::boxed;
use crate::call::{self, Aside, Body, CallKey, Demands, Loading, Origin, Policy, Served, Source};
use crate::core::Bound;
use crate::error::Error;
use crate::invalidate::Targets;
use crate::name::Renderer;
use crate::output::{CacheValue, OutputKind};
use crate::random;
use crate::scope;
use crate::site::{Instance, Site};

/// The tags of one call.
#[derive(Debug, Default)]
pub struct Tags {
    rendered: Vec<String>,
    failed: bool,
}

impl Tags {
    /// Adds a tag.
    pub fn add(&mut self, render: impl FnOnce(&mut Renderer)) {
        let mut renderer = Renderer::new();
        render(&mut renderer);
        match renderer.finish() {
            Some(tag) => self.rendered.push(tag.as_str().to_owned()),
            None => self.failed = true,
        }
    }
}

/// The first, synchronous step of a call.
pub enum Begin<K: OutputKind> {
    /// Answered from memory. Not the output: that may be what must not be held where a future
    /// waits.
    Hit(K::Value),
    /// To be run.
    Call(Call<K>),
}

impl<K: OutputKind> fmt::Debug for Begin<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Begin::Hit(_) => f.write_str("Hit"),
            Begin::Call(call) => call.fmt(f),
        }
    }
}

/// A call that was not answered from memory.
pub struct Call<K: OutputKind>(What<K>);

enum What<K: OutputKind> {
    /// Past the cache: the body.
    Past(Reply),
    /// Whoever asked has an answer, or was not asking this call, and drops it: unless it is not
    /// theirs to drop. Then it goes on when it is polled again.
    Later(Box<What<K>>),
    Cached(Box<Prepared<K>>),
    /// Somebody asks for something else than the output.
    Asked(Box<Prepared<K>>, Deed<K::Value>, Reply),
    /// Looked for: nothing is there that answers the call.
    Load(Box<Looked<K, Loading<K::Value>>>),
    /// Looked for: there is something, and it is to be loaded anew by a task.
    Aside(Box<Looked<K, Aside<K::Value>>>),
}

enum Deed<V> {
    Peek,
    /// What can be served without a load.
    Cached,
    Refresh,
    Put(V),
    /// To remove what is there, since what was to be put cannot be.
    Remove(Error),
}

struct Prepared<K: OutputKind> {
    bound: Bound,
    instance: &'static Instance,
    key: Arc<CallKey>,
    hooks: Hooks<K>,
    demands: Demands,
    /// Who is told where the output comes from.
    reply: Option<Reply>,
}

struct Looked<K: OutputKind, S> {
    call: call::Call<K>,
    step: S,
    reply: Option<Reply>,
}

/// The second step of a call that may be served while its body runs in a task.
pub enum Step<K: OutputKind> {
    /// Answered.
    Done(K::Output),
    /// To be gone on with.
    Call(Call<K>),
}

impl<K: OutputKind> fmt::Debug for Step<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Done(_) => f.write_str("Done"),
            Step::Call(call) => call.fmt(f),
        }
    }
}

impl<K: OutputKind> fmt::Debug for Call<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match &self.0 {
            What::Cached(prepared) | What::Asked(prepared, ..) => Some(&prepared.key),
            What::Load(looked) => Some(&looked.call.key),
            What::Aside(looked) => Some(&looked.call.key),
            What::Past(_) | What::Later(_) => None,
        };
        f.debug_struct("Call").field("key", &key).finish()
    }
}

/// The output of a call that was answered from memory.
#[inline]
pub fn output<K: OutputKind>(_: K, value: K::Value) -> K::Output {
    K::join(Ok(value))
}

/// What a call knows of itself.
#[derive(Clone, Copy, Debug)]
pub struct Own {
    /// The `static` of its function.
    pub site: &'static Site,
    /// The type name of a closure in its function.
    pub type_name: &'static str,
    /// Its number, if it returns a box: see [`boxed_call`](super::boxed_call).
    pub boxed: u64,
    /// What `bypass_if` says.
    pub bypass: bool,
    /// `early_refresh`; zero: off.
    pub early_refresh: f64,
}

/// Looks a call up in memory; on a hit that is all there is.
#[inline]
pub fn begin<K, S, T, H>(own: Own, kind: K, key: S, tags: T, hooks: H) -> Begin<K>
where
    K: OutputKind,
    K::Value: CacheValue,
    S: KeySource,
    T: FnOnce(&mut Tags),
    H: FnOnce(K) -> Hooks<K>,
{
    let instance = own.site.instance(own.type_name);
    if ambient::any() {
        return begin_in_surroundings(own, kind, instance, key, tags, hooks);
    }
    let bound = instance.bound.get_or_init(|| crate::manager::global().bind(instance));
    begin_in(bound, own, kind, instance, key, tags, hooks)
}

#[inline]
fn begin_in<K, S, T, H>(
    bound: &Bound,
    own: Own,
    kind: K,
    instance: &'static Instance,
    key: S,
    tags: T,
    hooks: H,
) -> Begin<K>
where
    K: OutputKind,
    K::Value: CacheValue,
    S: KeySource,
    T: FnOnce(&mut Tags),
    H: FnOnce(K) -> Hooks<K>,
{
    let mut early = false;
    if bound.reads_memory()
        && !own.bypass
        && let Some(hit) = key.look_up::<K::Value>(bound, instance)
    {
        if own.early_refresh <= 0.0 || !due(own.early_refresh, hit.load_micros, hit.left_ms()) {
            bound.counters.memory_hit(hit.load_micros);
            return Begin::Hit(hit.value);
        }
        early = true;
    }
    Begin::Call(Call(prepare(bound, own, kind, instance, key, tags, hooks, early)))
}

#[cold]
#[inline(never)]
fn due(beta: f64, load_micros: u64, left_ms: u64) -> bool {
    call::is_due(beta, load_micros, left_ms, random::cheap)
}

#[cold]
#[inline(never)]
#[allow(clippy::too_many_arguments, reason = "what generated code gives, passed on")]
fn prepare<K, S, T, H>(
    bound: &Bound,
    own: Own,
    kind: K,
    instance: &'static Instance,
    key: S,
    tags: T,
    hooks: H,
    early: bool,
) -> What<K>
where
    K: OutputKind,
    S: KeySource,
    T: FnOnce(&mut Tags),
    H: FnOnce(K) -> Hooks<K>,
{
    if own.bypass {
        bound.counters.slow.bypassed.one();
        return What::Past(Reply::default());
    }
    match full_key::<K, S, T>(bound, instance, key, tags) {
        Ok(key) => {
            let (bound, key, hooks) = (bound.clone(), Arc::new(key), hooks(kind));
            let demands = Demands { early, ..Demands::default() };
            What::Cached(Box::new(Prepared { bound, instance, key, hooks, demands, reply: None }))
        }
        Err(reason) => {
            bound.counters.slow.not_stored.one();
            tracing::error!(function = instance.label(), reason, "this call is not cached");
            What::Past(Reply::default())
        }
    }
}

/// The same in a scope, or when the call is asked for something.
#[cold]
#[inline(never)]
fn begin_in_surroundings<K, S, T, H>(
    own: Own,
    kind: K,
    instance: &'static Instance,
    key: S,
    tags: T,
    hooks: H,
) -> Begin<K>
where
    K: OutputKind,
    K::Value: CacheValue,
    S: KeySource,
    T: FnOnce(&mut Tags),
    H: FnOnce(K) -> Hooks<K>,
{
    let bound = match crate::scope::current() {
        Some(manager) => manager.core().bind(instance),
        None => instance.bound.get_or_init(|| crate::manager::global().bind(instance)).clone(),
    };
    match asked::take(own.type_name, own.boxed) {
        None => begin_in(&bound, own, kind, instance, key, tags, hooks),
        Some(Taken::NotMine) => {
            let what = prepare(&bound, own, kind, instance, key, tags, hooks, false);
            Begin::Call(Call(what.later()))
        }
        Some(Taken::Mine(wish, reply)) => {
            let key = full_key::<K, S, T>(&bound, instance, key, tags);
            let prepared = key.map(|key| {
                let (key, hooks, demands) = (Arc::new(key), hooks(kind), Demands::default());
                Box::new(Prepared { bound, instance, key, hooks, demands, reply: None })
            });
            Begin::Call(Call(prepared.map_or_else(
                |reason| {
                    reply.send(Answer::Refused(Error::NoEntry {
                        function: instance.label(),
                        reason,
                    }));
                    What::Past(Reply::default()).later()
                },
                |prepared| grant(prepared, own.bypass, wish, &reply),
            )))
        }
    }
}

impl<K: OutputKind> What<K> {
    fn later(self) -> Self {
        What::Later(Box::new(self))
    }
}

/// What a wish makes of a call; if it can be fulfilled at once, it is.
fn grant<K>(mut prepared: Box<Prepared<K>>, bypass: bool, wish: Wish, reply: &Reply) -> What<K>
where
    K: OutputKind,
    K::Value: CacheValue,
{
    let deed = match wish {
        Wish::Resolve => {
            reply.send(Answer::Resolved(prepared.resolved(bypass)));
            return prepared.ordinary(bypass).later();
        }
        Wish::Put(output) => prepared.value_of(output, bypass).map_or_else(Deed::Remove, Deed::Put),
        Wish::Peek(_) if bypass => {
            reply.send(Answer::Absent);
            return prepared.ordinary(bypass).later();
        }
        Wish::Fetch(terms) if bypass && terms.only_if_cached => {
            let function = prepared.instance.label();
            reply.send(Answer::Refused(Error::NotCached { function }));
            return prepared.ordinary(bypass).later();
        }
        Wish::Bypass => return prepared.past(reply),
        _ if bypass => return prepared.past(reply),
        Wish::Peek(max_age) => {
            prepared.demands.max_age = max_age;
            Deed::Peek
        }
        Wish::Fetch(terms) => {
            prepared.demands.max_age = terms.max_age;
            if !terms.only_if_cached {
                prepared.reply = Some(reply.clone());
                return What::Cached(prepared);
            }
            Deed::Cached
        }
        Wish::Refresh => Deed::Refresh,
    };
    What::Asked(prepared, deed, reply.clone())
}

impl<K: OutputKind> Prepared<K> {
    /// The call as if nobody had asked for anything.
    fn ordinary(self: Box<Self>, bypass: bool) -> What<K> {
        if bypass { self.past(&Reply::default()) } else { What::Cached(self) }
    }

    fn past(&self, reply: &Reply) -> What<K> {
        self.bound.counters.slow.bypassed.one();
        What::Past(reply.clone())
    }

    fn policy(&self) -> Result<Policy<K::Value>, String> {
        policy(&self.bound, self.instance, &self.hooks)
    }

    /// The call, if its TTLs can be used; if not, whoever asks is told so.
    fn into_call(self) -> Result<(call::Call<K>, Option<Reply>), ()> {
        let policy = self.policy().map_err(|reason| {
            if let Some(reply) = &self.reply {
                let function = self.instance.label();
                reply.send(Answer::Refused(Error::NoEntry { function, reason }));
            }
        })?;
        let Bound { core, counters, stores } = self.bound;
        let share = self.hooks.share.how;
        let call = call::Call {
            core,
            counters,
            key: self.key,
            policy,
            share,
            stores,
            demands: self.demands,
        };
        Ok((call, self.reply))
    }
}

impl<K> Prepared<K>
where
    K: OutputKind,
    K::Value: CacheValue,
{
    /// The entry. A call that is not cached has no policy for it.
    fn resolved(&self, bypass: bool) -> Resolved {
        let policy = self.policy().ok().filter(|_| !bypass);
        let policy = policy.map(|policy| Box::new(policy) as Box<dyn Any + Send + Sync>);
        Resolved { bound: self.bound.clone(), key: Arc::clone(&self.key), policy }
    }

    /// A value of the function's own type.
    fn value_of(&self, value: Box<dyn Any + Send>, bypass: bool) -> Result<K::Value, Error> {
        let function = self.instance.label();
        let refused = |reason| Error::NotStored { function, reason };
        if bypass {
            return Err(refused("`bypass_if` refuses it; nothing is stored any more"));
        }
        let value = value
            .downcast()
            .map_err(|_| refused("the function stores another type; nothing is stored any more"))?;
        Ok(*value)
    }
}

impl<K> Call<K>
where
    K: OutputKind,
    K::Value: CacheValue,
{
    /// Runs the call: the value of another caller, a store, or the body.
    pub async fn run<F>(self, body: Pin<&mut F>) -> K::Output
    where
        F: Future<Output = K::Output>,
    {
        match self.0 {
            What::Later(what) => {
                yield_once().await;
                boxed(|| Call(*what).run(body)).await
            }
            What::Past(reply) => past(body, &reply).await,
            // What follows is large, and has no place in the future of every call: most are hits.
            What::Cached(prepared) => boxed(|| missed(prepared, body)).await,
            What::Asked(prepared, deed, reply) => boxed(|| act(prepared, deed, reply, body)).await,
            What::Load(looked) => boxed(|| load(looked, body)).await,
            // Generated code asks before whether a task is wanted.
            What::Aside(_) => body.await,
        }
    }

    /// Looks for a value that answers the call. For functions whose body can be had for a task.
    pub async fn look(self) -> Step<K> {
        match self.0 {
            What::Cached(prepared) => boxed(|| look(prepared)).await,
            What::Later(what) => {
                yield_once().await;
                boxed(|| Call(*what).look()).await
            }
            what => Step::Call(Call(what)),
        }
    }

    /// Whether the body is wanted for a task of its own.
    pub fn wants_a_task(&self) -> bool {
        matches!(self.0, What::Aside(_))
    }
}

impl<K> Call<K>
where
    K: OutputKind + 'static,
    K::Value: CacheValue,
{
    /// Runs the body in a task of its own.
    pub async fn run_aside(self, body: Body<K::Output>) -> Step<K> {
        let What::Aside(looked) = self.0 else { return Step::Call(self) };
        let scope = scope::current().map(|manager| manager.downgrade());
        let Looked { call, step, reply } = *looked;
        let served = boxed(|| call.run_aside(step, body, |task| scope::carried(scope, task))).await;
        Step::Done(told(served, reply.as_ref()))
    }
}

async fn missed<K, F>(prepared: Box<Prepared<K>>, body: Pin<&mut F>) -> K::Output
where
    K: OutputKind,
    K::Value: CacheValue,
    F: Future<Output = K::Output>,
{
    match prepared.into_call() {
        Ok((call, reply)) => told(call.run(body).await, reply.as_ref()),
        Err(()) => body.await,
    }
}

async fn look<K>(mut prepared: Box<Prepared<K>>) -> Step<K>
where
    K: OutputKind,
    K::Value: CacheValue,
{
    prepared.demands.background = true;
    let Ok((call, reply)) = prepared.into_call() else {
        return Step::Call(Call(What::Past(Reply::default())));
    };
    match call.look().await {
        call::Step::Done(served) => Step::Done(told(served, reply.as_ref())),
        call::Step::Load(step) => {
            Step::Call(Call(What::Load(Box::new(Looked { call, step, reply }))))
        }
        call::Step::Aside(step) => {
            Step::Call(Call(What::Aside(Box::new(Looked { call, step, reply }))))
        }
    }
}

async fn load<K, F>(looked: Box<Looked<K, Loading<K::Value>>>, body: Pin<&mut F>) -> K::Output
where
    K: OutputKind,
    K::Value: CacheValue,
    F: Future<Output = K::Output>,
{
    let Looked { call, step, reply } = *looked;
    told(call.load(step, body).await, reply.as_ref())
}

/// The output; who asked is told where it comes from.
fn told<K: OutputKind>(served: Served<K>, reply: Option<&Reply>) -> K::Output {
    if let Some(reply) = reply {
        reply.send(Answer::Found(served.origin));
    }
    served.output
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

async fn past<F: Future>(body: Pin<&mut F>, reply: &Reply) -> F::Output {
    let output = body.await;
    reply.send(Answer::Found(Origin::new(Source::Load)));
    output
}

async fn act<K, F>(
    mut prepared: Box<Prepared<K>>,
    deed: Deed<K::Value>,
    reply: Reply,
    body: Pin<&mut F>,
) -> K::Output
where
    K: OutputKind,
    K::Value: CacheValue,
    F: Future<Output = K::Output>,
{
    let function = prepared.instance.label();
    let (core, name) = (Arc::clone(&prepared.bound.core), Arc::clone(&prepared.key));
    prepared.reply = Some(reply.clone());
    let call = prepared.into_call();
    if let (Deed::Remove(_), _) | (Deed::Put(_), Err(())) = (&deed, &call) {
        // What is there is older than what was to be put.
        core.invalidate(&Targets::name(name.name().as_str())).await;
    }
    let Ok((call, _)) = call else { return body.await };
    let found = match deed {
        Deed::Refresh => return told(call.refresh(body).await, Some(&reply)),
        Deed::Peek => call.peek().await.ok_or(Answer::Absent),
        Deed::Cached => call.cached().await.ok_or(Answer::Refused(Error::NotCached { function })),
        Deed::Put(value) => {
            let stored = call.set(function, &value).await;
            Err(stored.map_or_else(Answer::Refused, |()| Answer::Stored))
        }
        Deed::Remove(error) => Err(Answer::Refused(error)),
    };
    match found {
        Ok(found) => told(Served::<K>::found(found), Some(&reply)),
        Err(answer) => {
            reply.send(answer);
            yield_once().await;
            call.run(body).await.output
        }
    }
}

fn full_key<K, S, T>(
    bound: &Bound,
    instance: &'static Instance,
    key: S,
    fill_tags: T,
) -> Result<CallKey, String>
where
    K: OutputKind,
    S: KeySource,
    T: FnOnce(&mut Tags),
{
    // A `Result` that hides behind a bare type parameter: its errors would be stored.
    if type_name::<K::Value>().starts_with("core::result::Result<") {
        return Err("it returns a `Result` that cannot be seen in its signature; write `output = \"result\"`".into());
    }
    let (memory, name) = key.full(bound, instance)?;
    let mut tags = Tags::default();
    fill_tags(&mut tags);
    if tags.failed {
        return Err("the `Display` of a value in a tag failed".into());
    }
    Ok(match name {
        Some(name) => CallKey::new(memory, instance.origin, name, tags.rendered),
        None => CallKey::of_arguments(memory, instance.origin, tags.rendered),
    })
}
