//! What generated code calls. Not for use by hand: it changes without notice.

use std::any::type_name;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::call::{self, CallKey, Policy};
use crate::codec::Codec;
use crate::config::Ttl;
use crate::core::Bound;
use crate::key::{self, KeyParts};
use crate::memory::{Domain, Hit, MemoryKey, WantedCall, WantedName};
use crate::name::{Name, shorten};
use crate::site::Instance;
use crate::value::ValueCodec;

pub use crate::invalidate::{Condition, Plan, When, condition, invalidate, no_condition};
pub use crate::name::Renderer;
pub use crate::output::{
    AnyResult, CacheValue, OutputKind, PlainKind, Probe, ProbeCloneError, ProbeNoCloneError,
    ProbePlain, ProbeResult, ResultKind, SharedErrors, kind_plain, kind_result, no_shared_errors,
};
pub use crate::site::{Site, SiteSpec, Tier, TtlSpec};

/// The type name of a closure in the function's body: it prints the type parameters of the
/// function and of its impl.
#[inline]
pub fn instance_of<F>(_: &F) -> &'static str {
    type_name::<F>()
}

/// The arguments of a call as its key: a list of references, `(&a, (&b, ()))`.
pub struct Args<P>(pub P);

/// A `key` template: writes the rendered key.
pub struct Template<F>(pub F);

impl<P> fmt::Debug for Args<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Args")
    }
}

impl<F> fmt::Debug for Template<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template")
    }
}

/// Where a call's key comes from.
pub trait KeySource: sealed::Source {}

impl<P: KeyParts> KeySource for Args<P> {}
impl<F: Fn(&mut Renderer)> KeySource for Template<F> {}

mod sealed {
    use super::{Bound, CacheValue, Hit, Instance, MemoryKey, Name};

    pub trait Source {
        /// A fresh value in memory. On the hit path: nothing is allocated but by its `Clone`.
        #[allow(private_interfaces, reason = "the trait cannot be named outside")]
        fn look_up<V: CacheValue>(
            &self,
            bound: &Bound,
            instance: &'static Instance,
        ) -> Option<Hit<V>>;

        /// The key in full, or why there is none.
        #[allow(private_interfaces, reason = "the trait cannot be named outside")]
        fn full(
            &self,
            bound: &Bound,
            instance: &'static Instance,
        ) -> Result<(MemoryKey, Name), String>;
    }
}

#[allow(private_interfaces, reason = "the trait cannot be named outside")]
impl<P: KeyParts> sealed::Source for Args<P> {
    #[inline]
    fn look_up<V: CacheValue>(&self, bound: &Bound, instance: &'static Instance) -> Option<Hit<V>> {
        let memory = &bound.core.memory;
        // Arguments that cannot be hashed are reported where their key is made in full.
        let hash = key::hash_parts(&self.0, memory.seed() ^ instance.origin).ok()?;
        let wanted = WantedCall { instance, parts: &self.0 };
        memory.get(hash, &wanted, bound.core.terms(Some(instance.origin)))
    }

    fn full(
        &self,
        bound: &Bound,
        instance: &'static Instance,
    ) -> Result<(MemoryKey, Name), String> {
        let failed = |error: key::KeyError| error.to_string();
        let bytes = key::encode(&self.0).map_err(failed)?;
        let hash =
            key::hash_parts(&self.0, bound.core.memory.seed() ^ instance.origin).map_err(failed)?;
        let name = Name::new(&instance.name(&bytes));
        Ok((MemoryKey { hash, domain: Domain::Arguments(instance), bytes }, name))
    }
}

impl<F: Fn(&mut Renderer)> Template<F> {
    fn render(&self, instance: &Instance) -> Option<crate::name::Rendered> {
        let mut renderer = Renderer::new();
        renderer.text(instance.spec.prefix());
        renderer.text(":");
        (self.0)(&mut renderer);
        renderer.finish()
    }
}

#[allow(private_interfaces, reason = "the trait cannot be named outside")]
impl<F: Fn(&mut Renderer)> sealed::Source for Template<F> {
    #[inline]
    fn look_up<V: CacheValue>(&self, bound: &Bound, instance: &'static Instance) -> Option<Hit<V>> {
        let rendered = self.render(instance)?;
        let name = shorten(rendered.as_str());
        let memory = &bound.core.memory;
        let hash = memory.hash_name(name.as_bytes());
        memory.get(hash, &WantedName(name.as_bytes()), bound.core.terms(Some(instance.origin)))
    }

    fn full(
        &self,
        bound: &Bound,
        instance: &'static Instance,
    ) -> Result<(MemoryKey, Name), String> {
        let rendered = self.render(instance).ok_or("the `Display` of a value failed")?;
        let name = Name::new(rendered.as_str());
        Ok((bound.core.memory.name_key(name.as_str()), name))
    }
}

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
#[derive(Debug)]
pub enum Begin<K: OutputKind> {
    /// Answered from memory.
    Hit(K::Output),
    /// To be run.
    Call(Call<K>),
}

/// A call that was not answered from memory.
pub struct Call<K: OutputKind> {
    /// `None`: past the cache.
    prepared: Option<Box<Prepared>>,
    kind: K,
}

struct Prepared {
    bound: Bound,
    instance: &'static Instance,
    key: CallKey,
}

impl<K: OutputKind> fmt::Debug for Call<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.prepared.as_ref().map(|prepared| &prepared.key);
        f.debug_struct("Call").field("kind", &self.kind).field("key", &key).finish()
    }
}

/// Looks a call up in memory; on a hit that is all there is.
#[inline]
pub fn begin<K, S, T>(
    site: &'static Site,
    kind: K,
    type_name: &'static str,
    bypass: bool,
    key: S,
    tags: T,
) -> Begin<K>
where
    K: OutputKind,
    K::Value: CacheValue,
    S: KeySource,
    T: FnOnce(&mut Tags),
{
    let instance = site.instance(type_name);
    match crate::scope::current() {
        None => {
            let bound = instance.bound.get_or_init(|| crate::manager::global().bind(instance));
            begin_in(bound, instance, kind, bypass, key, tags)
        }
        Some(manager) => {
            begin_in(&manager.core().bind(instance), instance, kind, bypass, key, tags)
        }
    }
}

#[inline]
fn begin_in<K, S, T>(
    bound: &Bound,
    instance: &'static Instance,
    kind: K,
    bypass: bool,
    key: S,
    tags: T,
) -> Begin<K>
where
    K: OutputKind,
    K::Value: CacheValue,
    S: KeySource,
    T: FnOnce(&mut Tags),
{
    if bound.in_memory
        && !bypass
        && let Some(hit) = key.look_up::<K::Value>(bound, instance)
    {
        bound.counters.memory_hit(hit.load_micros);
        return Begin::Hit(K::join(Ok(hit.value)));
    }
    let prepared = prepare::<K, S, T>(bound, instance, bypass, key, tags);
    Begin::Call(Call { prepared, kind })
}

#[cold]
#[inline(never)]
fn prepare<K, S, T>(
    bound: &Bound,
    instance: &'static Instance,
    bypass: bool,
    key: S,
    tags: T,
) -> Option<Box<Prepared>>
where
    K: OutputKind,
    S: KeySource,
    T: FnOnce(&mut Tags),
{
    if bypass {
        bound.counters.slow.bypassed.one();
        return None;
    }
    match full_key::<K, S, T>(bound, instance, key, tags) {
        Ok(key) => Some(Box::new(Prepared { bound: bound.clone(), instance, key })),
        Err(reason) => {
            bound.counters.slow.not_stored.one();
            tracing::error!(function = instance.label(), reason, "this call is not cached");
            None
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
    Ok(CallKey::new(memory, instance.origin, name, &tags.rendered))
}

/// The options of a call site that depend on the type of its value.
pub struct Hooks<K: OutputKind> {
    share: SharedErrors<K::Error>,
    cache_if: Option<fn(&K::Value) -> bool>,
    is_none: Option<fn(&K::Value) -> bool>,
    codec: Option<ValueCodec<K::Value>>,
}

impl<K: OutputKind> Hooks<K> {
    /// No options; how errors reach waiting callers.
    pub fn new(_: K, share: SharedErrors<K::Error>) -> Self {
        Hooks { share, cache_if: None, is_none: None, codec: None }
    }

    /// `cache_if`.
    #[must_use]
    pub fn cache_if(self, cache_if: fn(&K::Value) -> bool) -> Self {
        Hooks { cache_if: Some(cache_if), ..self }
    }

    /// `negative_ttl` or `cache_none` is set: the value is an `Option`.
    #[must_use]
    pub fn optional(self) -> Self
    where
        K::Value: MaybeNone,
    {
        Hooks { is_none: Some(MaybeNone::is_none), ..self }
    }

    /// `codec`.
    #[must_use]
    pub fn codec<C: Codec>(self) -> Self
    where
        K::Value: CacheValue,
    {
        Hooks { codec: Some(ValueCodec::of::<C>()), ..self }
    }
}

impl<K: OutputKind> fmt::Debug for Hooks<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}

/// A value that may be absent.
#[diagnostic::on_unimplemented(
    message = "`negative_ttl` and `cache_none` are for functions that return an `Option`, and `{Self}` is none",
    label = "not an `Option`"
)]
pub trait MaybeNone {
    /// Whether it is.
    fn is_none(&self) -> bool;
}

impl<T> MaybeNone for Option<T> {
    fn is_none(&self) -> bool {
        self.is_none()
    }
}

impl<K> Call<K>
where
    K: OutputKind,
    K::Value: CacheValue,
{
    /// Runs the call: the value of another caller, a store, or the body.
    pub async fn run<F>(self, body: Pin<&mut F>, hooks: Hooks<K>) -> K::Output
    where
        F: Future<Output = K::Output>,
    {
        let Some(prepared) = self.prepared else {
            return body.await;
        };
        let Prepared { bound, instance, key } = *prepared;
        let Some(policy) = policy(&bound, instance, &hooks) else {
            return body.await;
        };
        let call = call::Call::<K> {
            core: &bound.core,
            counters: &bound.counters,
            key: Arc::new(key),
            policy,
            share: hooks.share.how,
            in_memory: bound.in_memory,
        };
        call.run(body).await
    }
}

/// What the attribute and the configuration say; `None` if a TTL expression gave one that has no
/// meaning.
fn policy<K: OutputKind>(
    bound: &Bound,
    instance: &Instance,
    hooks: &Hooks<K>,
) -> Option<Policy<K::Value>> {
    let (spec, config) = (instance.spec, &bound.core.config);
    let default = || config.ttl_of(spec.prefix());
    let ttl = ttl_of(spec.ttl, "ttl", instance)?.unwrap_or_else(default);
    let negative_ttl = ttl_of(spec.negative_ttl, "negative_ttl", instance)?;
    let jitter = spec.jitter.map_or(config.jitter, Into::into);
    Some(Policy {
        negative_ttl,
        is_none: hooks.is_none,
        cache_none: spec.cache_none,
        cache_if: hooks.cache_if,
        codec: hooks.codec,
        ..Policy::new(ttl, jitter)
    })
}

#[allow(clippy::option_option, reason = "not usable, not written, or a TTL")]
fn ttl_of(spec: TtlSpec, option: &'static str, instance: &Instance) -> Option<Option<Ttl>> {
    let ttl = match spec {
        TtlSpec::Inherit => return Some(None),
        TtlSpec::Millis(ms) => Ttl::For(Duration::from_millis(ms)),
        TtlSpec::Forever => Ttl::Forever,
        TtlSpec::Dynamic(ttl) => Ttl::For(ttl()),
    };
    let checked = ttl.check(option);
    if let Err(error) = &checked {
        tracing::error!(function = instance.label(), %error, "this call is not cached");
    }
    checked.ok().map(Some)
}
