//! The first, synchronous step of a call: it looks into memory.

use std::fmt;

use super::context::{CallContext, CallParts, Early, MissReason, Tags};
use super::hooks::Hooks;
use super::key_source::KeySource;
use super::run::{MissedCall, subject};
use super::site::Local;
use crate::cache_call::request::{self, Delivery};
use crate::call;
use crate::collector::traced::Traced;
use crate::deferral;
use crate::manager::{self, CacheManager};
use crate::memory::Hit;
use crate::output::OutputKind;
use crate::site::Instance;
use crate::support::ambient;
use crate::support::panics::drop_each;
use crate::support::random;
use crate::tiers::core::Bound;
use crate::value::StoredKind;

/// The first, synchronous step of a call.
pub enum Begin<K: OutputKind> {
    /// The call was answered from memory. This holds the value and not the output, whose type may be one that
    /// must not be held across an await.
    Hit(K::Value),
    /// The call has to be run.
    Call(MissedCall),
}

impl<K: OutputKind> fmt::Debug for Begin<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Begin::Hit(_) => f.write_str("Hit"),
            Begin::Call(call) => call.fmt(f),
        }
    }
}

/// Returns the output of a call that was answered from memory.
#[inline]
pub fn output<K: OutputKind>(_: K, value: K::Value) -> K::Output {
    K::join(Ok(value))
}

/// Looks a call up in memory. A hit needs nothing else.
///
/// R8: this is compiled for each function, and contains only the code of a hit.
#[inline]
pub fn begin<K, S, T, H>(context: CallContext, kind: K, key: S, tags: T, hooks: H) -> Begin<K>
where
    K: StoredKind,
    S: KeySource,
    T: FnMut(&mut Tags),
    H: FnMut(K) -> Hooks<K>,
{
    let local = context.site.local(context.type_name);
    if ambient::any() {
        return begin_in_surroundings(kind, local, Generated { context, key, tags, hooks });
    }
    let (bound, instance) = (local.bound(), &local.instance);
    match look_up::<K, S>(bound, context, instance, &key) {
        Ok(hit) => Begin::Hit(hit.value),
        Err(why) => {
            Begin::Call(slow(bound, kind, instance, Generated { context, key, tags, hooks }, why))
        }
    }
}

/// Does the same in the cache of a manager that the function names, which precedes that of a scope.
pub fn begin_in<K, S, T, H>(
    manager: &CacheManager,
    context: CallContext,
    kind: K,
    key: S,
    tags: T,
    hooks: H,
) -> Begin<K>
where
    K: StoredKind,
    S: KeySource,
    T: FnMut(&mut Tags),
    H: FnMut(K) -> Hooks<K>,
{
    let local = context.site.local(context.type_name);
    let (bound, instance) = (manager.core().bind(&local.instance), &local.instance);
    if ambient::any() {
        return begin_bound(&bound, kind, local, Generated { context, key, tags, hooks });
    }
    match look_up::<K, S>(&bound, context, instance, &key) {
        Ok(hit) => Begin::Hit(hit.value),
        Err(why) => {
            Begin::Call(slow(&bound, kind, instance, Generated { context, key, tags, hooks }, why))
        }
    }
}

/// The arguments of [`begin`] that are functions. This is made at the places where they are called, so that
/// it need not be in memory on a hit.
struct Generated<S, T, H> {
    context: CallContext,
    key: S,
    tags: T,
    hooks: H,
}

#[inline(always)]
fn look_up<K, S>(
    bound: &Bound,
    context: CallContext,
    instance: &'static Instance,
    key: &S,
) -> Result<Hit<K::Value>, Early>
where
    K: StoredKind,
    S: KeySource,
{
    if !bound.reads_memory() || context.bypasses_memory(bound) {
        return Err(Early(false));
    }
    let hit: Hit<K::Value> = key.look_up(bound, instance).ok_or(Early(false))?;
    if context.early_refresh > 0.0 && due(context.early_refresh, hit.load_micros, hit.left_ms()) {
        return Err(leave(hit.value));
    }
    bound.counters.memory_hit(hit.load_micros);
    Ok(hit)
}

/// Begins a call in a scope or a collector, or one that has received a request.
#[cold]
#[inline(never)]
fn begin_in_surroundings<K, S, T, H>(
    kind: K,
    local: &'static Local,
    generated: Generated<S, T, H>,
) -> Begin<K>
where
    K: StoredKind,
    S: KeySource,
    T: FnMut(&mut Tags),
    H: FnMut(K) -> Hooks<K>,
{
    let scoped = scoped(local);
    begin_bound(scoped.as_ref().unwrap_or_else(|| local.bound()), kind, local, generated)
}

/// Begins a call in this cache. The call may have received a request, or be in a collector.
#[cold]
#[inline(never)]
fn begin_bound<K, S, T, H>(
    bound: &Bound,
    kind: K,
    local: &'static Local,
    mut generated: Generated<S, T, H>,
) -> Begin<K>
where
    K: StoredKind,
    S: KeySource,
    T: FnMut(&mut Tags),
    H: FnMut(K) -> Hooks<K>,
{
    let (instance, context) = (&local.instance, generated.context);
    let delivery = request::take(context.type_name, context.boxed);
    // A copy in memory does not tell its dependencies.
    let looks = delivery.as_ref().is_none_or(Delivery::looks) && call::heir().is_none();
    // A call in a transaction is checked against its pending invalidations first.
    let looks = looks && !deferral::is_in_use();
    let looked = if looks {
        look_up::<K, S>(bound, context, instance, &generated.key)
    } else {
        Err(Early(false))
    };
    let why = match (looked, delivery) {
        (Ok(hit), _) => {
            let Generated { key, tags, .. } = &mut generated;
            call::note_hit(instance.origin);
            Traced::hit(|| subject(bound, instance, key, tags), &hit);
            return Begin::Hit(hit.value);
        }
        (Err(_), Some(delivery)) => MissReason::Requested(delivery),
        (Err(early), None) => early.into(),
    };
    Begin::Call(slow(bound, kind, instance, generated, why))
}

#[cold]
#[inline(never)]
fn slow<K, S, T, H>(
    bound: &Bound,
    kind: K,
    instance: &'static Instance,
    generated: Generated<S, T, H>,
    why: impl Into<MissReason>,
) -> MissedCall
where
    K: StoredKind,
    S: KeySource,
    T: FnMut(&mut Tags),
    H: FnMut(K) -> Hooks<K>,
{
    let Generated { context, key, mut tags, mut hooks } = generated;
    let mut rules = || hooks(kind).rules();
    let parts = CallParts { key: &key, tags: &mut tags, rules: &mut rules };
    MissedCall::new(bound, context, instance, parts, why.into())
}

/// Returns the cache of the scope, if there is one.
#[cold]
#[inline(never)]
fn scoped(local: &'static Local) -> Option<Bound> {
    Some(manager::scoped()?.core().bind(&local.instance))
}

/// Drops the copy of a value that is due for an early refresh.
#[cold]
#[inline(never)]
fn leave<V>(copy: V) -> Early {
    drop_each([copy]);
    Early(true)
}

#[cold]
#[inline(never)]
fn due(beta: f64, load_micros: u64, left_ms: u64) -> bool {
    call::is_due(beta, load_micros, left_ms, random::cheap)
}
