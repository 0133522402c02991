//! The first step of a call, synchronous; and what follows if that was not all.

use std::any::{Any, type_name};
use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::KeySource;
use super::hooks::{Hooks, policy};
use crate::ambient;
use crate::asked::{self, Answer, Reply, Resolved, Taken, Wish};
use crate::call::{self, CallKey, Policy, Served, Source};
use crate::core::Bound;
use crate::error::Error;
use crate::name::Renderer;
use crate::output::{CacheValue, OutputKind};
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
    /// Whoever asked has an answer, or is not asking this call: it does not go on.
    Held,
    Cached(Box<Prepared<K>>),
    /// Somebody asks for something else than the output alone.
    Asked(Box<Prepared<K>>, Deed<K::Value>, Reply),
}

enum Deed<V> {
    Peek,
    Fetch,
    Refresh,
    Put(V),
}

struct Prepared<K: OutputKind> {
    bound: Bound,
    instance: &'static Instance,
    key: Arc<CallKey>,
    hooks: Hooks<K>,
    /// What `bypass_if` says: nothing is stored for this call.
    bypass: bool,
}

impl<K: OutputKind> fmt::Debug for Call<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match &self.0 {
            What::Cached(prepared) | What::Asked(prepared, ..) => Some(&prepared.key),
            What::Past(_) | What::Held => None,
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
    if bound.in_memory
        && !own.bypass
        && let Some(hit) = key.look_up::<K::Value>(bound, instance)
    {
        bound.counters.memory_hit(hit.load_micros);
        return Begin::Hit(hit.value);
    }
    Begin::Call(Call(prepare(bound, own, kind, instance, key, tags, hooks)))
}

#[cold]
#[inline(never)]
fn prepare<K, S, T, H>(
    bound: &Bound,
    own: Own,
    kind: K,
    instance: &'static Instance,
    key: S,
    tags: T,
    hooks: H,
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
            What::Cached(Box::new(Prepared { bound, instance, key, hooks, bypass: false }))
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
        Some(Taken::NotMine) => Begin::Call(Call(What::Held)),
        Some(Taken::Mine(wish, reply)) => {
            let key = full_key::<K, S, T>(&bound, instance, key, tags);
            let prepared = key.map(|key| {
                let (key, hooks) = (Arc::new(key), hooks(kind));
                Box::new(Prepared { bound, instance, key, hooks, bypass: own.bypass })
            });
            Begin::Call(Call(prepared.map_or_else(
                |reason| refuse(&reply, Error::NoEntry { function: instance.label(), reason }),
                |prepared| grant(prepared, wish, &reply),
            )))
        }
    }
}

fn refuse<K: OutputKind>(reply: &Reply, error: Error) -> What<K> {
    reply.send(Answer::Refused(error));
    What::Held
}

/// What a wish makes of a call; if it can be fulfilled at once, it is.
fn grant<K>(prepared: Box<Prepared<K>>, wish: Wish, reply: &Reply) -> What<K>
where
    K: OutputKind,
    K::Value: CacheValue,
{
    let deed = match wish {
        Wish::Resolve => {
            reply.send(Answer::Resolved(prepared.resolved()));
            return What::Held;
        }
        Wish::Put(output) => match prepared.value_of(output) {
            Ok(value) => Deed::Put(value),
            Err(error) => return refuse(reply, error),
        },
        Wish::Peek if prepared.bypass => {
            reply.send(Answer::Absent);
            return What::Held;
        }
        Wish::Bypass => return prepared.past(reply),
        _ if prepared.bypass => return prepared.past(reply),
        Wish::Peek => Deed::Peek,
        Wish::Fetch => Deed::Fetch,
        Wish::Refresh => Deed::Refresh,
    };
    What::Asked(prepared, deed, reply.clone())
}

impl<K: OutputKind> Prepared<K> {
    fn past(&self, reply: &Reply) -> What<K> {
        self.bound.counters.slow.bypassed.one();
        What::Past(reply.clone())
    }

    fn policy(&self) -> Result<Policy<K::Value>, String> {
        let policy = policy(&self.bound, self.instance, &self.hooks)?;
        let refuse_all: fn(&K::Value) -> bool = |_| false;
        let cache_if = if self.bypass { Some(refuse_all) } else { policy.cache_if };
        Ok(Policy { cache_if, ..policy })
    }

    fn call(&self, policy: Policy<K::Value>) -> call::Call<'_, K> {
        call::Call {
            core: &self.bound.core,
            counters: &self.bound.counters,
            key: Arc::clone(&self.key),
            policy,
            share: self.hooks.share.how,
            in_memory: self.bound.in_memory,
        }
    }
}

impl<K> Prepared<K>
where
    K: OutputKind,
    K::Value: CacheValue,
{
    fn resolved(&self) -> Resolved {
        let policy =
            self.policy().ok().map(|policy| Box::new(policy) as Box<dyn Any + Send + Sync>);
        Resolved { bound: self.bound.clone(), key: Arc::clone(&self.key), policy }
    }

    /// A value of the function's own type.
    fn value_of(&self, value: Box<dyn Any + Send>) -> Result<K::Value, Error> {
        let function = self.instance.label();
        let refused = |reason| Error::NotStored { function, reason };
        let value = value.downcast().map_err(|_| refused("the function stores another type"))?;
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
            What::Held => pending().await,
            What::Past(reply) => past(body, &reply).await,
            // What follows is large, and has no place in the future of every call: most are hits.
            What::Cached(prepared) => Box::pin(missed(prepared, body)).await,
            What::Asked(prepared, deed, reply) => Box::pin(act(prepared, deed, reply, body)).await,
        }
    }
}

async fn missed<K, F>(prepared: Box<Prepared<K>>, body: Pin<&mut F>) -> K::Output
where
    K: OutputKind,
    K::Value: CacheValue,
    F: Future<Output = K::Output>,
{
    match prepared.policy() {
        Ok(policy) => prepared.call(policy).run(body).await.output,
        Err(_) => body.await,
    }
}

async fn past<F: Future>(body: Pin<&mut F>, reply: &Reply) -> F::Output {
    let output = body.await;
    reply.send(Answer::Found(Source::Load, Duration::ZERO));
    output
}

async fn act<K, F>(
    prepared: Box<Prepared<K>>,
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
    let policy = match prepared.policy() {
        Ok(policy) => policy,
        Err(reason) => {
            reply.send(Answer::Refused(Error::NoEntry { function, reason }));
            return pending().await;
        }
    };
    let call = prepared.call(policy);
    let served = match deed {
        Deed::Fetch => call.run(body).await,
        Deed::Refresh => call.refresh(body).await,
        Deed::Peek => match call.peek().await {
            Some((hit, source)) => Served::hit(hit, source),
            None => {
                reply.send(Answer::Absent);
                return pending().await;
            }
        },
        Deed::Put(value) => {
            let stored = call.set(function, &value).await;
            reply.send(stored.map_or_else(Answer::Refused, |()| Answer::Stored));
            return pending().await;
        }
    };
    reply.send(Answer::Found(served.source, served.age));
    served.output
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
    Ok(CallKey::new(memory, instance.origin, name, &tags.rendered))
}
