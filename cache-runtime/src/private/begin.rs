//! The first step of a call, synchronous: whether memory has its value.

use std::fmt;

use super::hooks::{Hooks, Rules};
use super::key_source::{FullKey, KeySource};
use super::run::Call;
use super::site::{Local, Site};
use crate::ambient;
use crate::call;
use crate::core::Bound;
use crate::manager;
use crate::memory::Hit;
use crate::name::Renderer;
use crate::output::{CacheValue, OutputKind};
use crate::random;
use crate::request::{self, Delivery};
use crate::site::Instance;

/// The tags of one call.
#[derive(Debug, Default)]
pub struct Tags {
    pub(super) rendered: Vec<String>,
    pub(super) failed: bool,
}

impl Tags {
    /// Adds a tag.
    pub fn add(&mut self, render: impl FnOnce(&mut Renderer)) {
        match Renderer::run(render) {
            Ok(tag) => self.rendered.push(tag.as_str().to_owned()),
            Err(_) => self.failed = true,
        }
    }
}

/// The first, synchronous step of a call.
pub enum Begin<K: OutputKind> {
    /// Answered from memory. Not the output: that may be what must not be held where a future
    /// waits.
    Hit(K::Value),
    /// To be run.
    Call(Call),
}

impl<K: OutputKind> fmt::Debug for Begin<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Begin::Hit(_) => f.write_str("Hit"),
            Begin::Call(call) => call.fmt(f),
        }
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

impl Own {
    /// Whether the call neither reads nor stores: its options say so, or somebody has switched its function
    /// off.
    #[inline]
    pub(super) fn goes_past(&self, bound: &Bound) -> bool {
        self.bypass || !bound.counters.is_on()
    }
}

/// What a call gives of itself only if memory does not have its value.
pub(super) struct Parts<'a> {
    pub(super) key: &'a dyn FullKey,
    pub(super) tags: &'a mut dyn FnMut(&mut Tags),
    pub(super) rules: &'a mut dyn FnMut() -> Rules,
}

/// Why a hit is not all there is.
pub(super) enum Why {
    /// Memory does not have the value, or is not to be asked; or it has, and the value is to be
    /// refreshed before its time.
    Missed(Early),
    /// Somebody asks the call for something.
    Requested(Delivery),
}

/// Whether a fresh value is to be refreshed.
#[derive(Clone, Copy)]
pub(super) struct Early(pub(super) bool);

impl From<Early> for Why {
    fn from(early: Early) -> Self {
        Why::Missed(early)
    }
}

/// Looks a call up in memory; on a hit that is all there is.
///
/// R8: it is compiled for each function, and contains only what a hit needs.
#[inline]
pub fn begin<K, S, T, H>(own: Own, kind: K, key: S, tags: T, hooks: H) -> Begin<K>
where
    K: OutputKind,
    K::Value: CacheValue,
    S: KeySource,
    T: FnMut(&mut Tags),
    H: FnMut(K) -> Hooks<K>,
{
    let local = own.site.local(own.type_name);
    if ambient::any() {
        return begin_in_surroundings(kind, local, Requested { own, key, tags, hooks });
    }
    let (bound, instance) = (local.bound(), &local.instance);
    match look_up::<K, S>(bound, own, instance, &key) {
        Ok(value) => Begin::Hit(value),
        Err(why) => {
            Begin::Call(slow(bound, kind, instance, Requested { own, key, tags, hooks }, why))
        }
    }
}

/// What generated code gives, for those parts of [`begin`] that are functions. It is made where they are called, so
/// that on a hit none of it needs to be in memory.
struct Requested<S, T, H> {
    own: Own,
    key: S,
    tags: T,
    hooks: H,
}

#[inline(always)]
fn look_up<K, S>(
    bound: &Bound,
    own: Own,
    instance: &'static Instance,
    key: &S,
) -> Result<K::Value, Early>
where
    K: OutputKind,
    K::Value: CacheValue,
    S: KeySource,
{
    if !bound.reads_memory() || own.goes_past(bound) {
        return Err(Early(false));
    }
    let found = key.look_up(bound, instance, |hit: Hit<K::Value>| {
        if own.early_refresh > 0.0 && due(own.early_refresh, hit.load_micros, hit.left_ms()) {
            return Err(Early(true));
        }
        bound.counters.memory_hit(hit.load_micros);
        Ok(hit.value)
    });
    found.unwrap_or(Err(Early(false)))
}

/// The same in a scope, or when the call is asked for something.
#[cold]
#[inline(never)]
fn begin_in_surroundings<K, S, T, H>(
    kind: K,
    local: &'static Local,
    asked: Requested<S, T, H>,
) -> Begin<K>
where
    K: OutputKind,
    K::Value: CacheValue,
    S: KeySource,
    T: FnMut(&mut Tags),
    H: FnMut(K) -> Hooks<K>,
{
    let (bound, taken) = surroundings(asked.own, local);
    let instance = &local.instance;
    let why = match taken {
        Some(taken) => Why::Requested(taken),
        None => match look_up::<K, S>(&bound, asked.own, instance, &asked.key) {
            Ok(value) => return Begin::Hit(value),
            Err(why) => why.into(),
        },
    };
    Begin::Call(slow(&bound, kind, instance, asked, why))
}

#[cold]
#[inline(never)]
fn slow<K, S, T, H>(
    bound: &Bound,
    kind: K,
    instance: &'static Instance,
    asked: Requested<S, T, H>,
    why: impl Into<Why>,
) -> Call
where
    K: OutputKind,
    K::Value: CacheValue,
    S: KeySource,
    T: FnMut(&mut Tags),
    H: FnMut(K) -> Hooks<K>,
{
    let Requested { own, key, mut tags, mut hooks } = asked;
    let mut rules = || hooks(kind).rules();
    let parts = Parts { key: &key, tags: &mut tags, rules: &mut rules };
    Call::new(bound, own, instance, parts, why.into())
}

/// The cache of the scope, and what somebody asks of this call.
#[cold]
#[inline(never)]
fn surroundings(own: Own, local: &'static Local) -> (Bound, Option<Delivery>) {
    let bound = match manager::scoped() {
        Some(manager) => manager.core().bind(&local.instance),
        None => local.bound().clone(),
    };
    (bound, request::take(own.type_name, own.boxed))
}

#[cold]
#[inline(never)]
fn due(beta: f64, load_micros: u64, left_ms: u64) -> bool {
    call::is_due(beta, load_micros, left_ms, random::cheap)
}
