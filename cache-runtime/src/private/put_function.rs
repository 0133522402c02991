//! `#[cache_put]`: stores the value that a function returns in place of an entry.

use std::any::TypeId;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use super::plan::{Condition, Unfinished, When, core_of, holds, resolve_entry};
use crate::cache_call::request::Resolved;
use crate::config::Ttl;
use crate::manager::CacheManager;
use crate::output::EntryCall;
use crate::output::OutputKind;
use crate::redis::Over;
use crate::registry::MutationSpec;
use crate::support::boxed::Boxed;
use crate::tiers::core::{Bound, Core};
use crate::tiers::key::CallKey;
use crate::tiers::policy::Policy;
use crate::tiers::put::{BodyValue, Overtaken, Put, PutOf};
use crate::value::{StoredKind, ValueRef, ValueType, type_stored_by};

/// The entries that one call of a `#[cache_put]` function will put its value under, taken before
/// its body takes the arguments.
pub struct PutPlan<V> {
    site: &'static MutationSpec,
    /// The manager that the attribute names, if it names one.
    manager: Option<CacheManager>,
    targets: Vec<Target>,
    value: &'static dyn ValueType,
    of: PhantomData<fn() -> V>,
}

/// An entry that a value will be put under.
pub(super) struct Target {
    pub(super) bound: Bound,
    pub(super) key: Arc<CallKey>,
    /// The policy of the called function; `None` if it does not cache this call. The entry is then removed.
    pub(super) policy: Option<Policy>,
}

/// An entry of values of type `V`.
#[derive(Debug)]
pub struct EntryOf<V>(PhantomData<V>);

/// An entry that holds values of type `V`.
#[diagnostic::on_unimplemented(
    message = "`cache_put` would store a `{V}`, but the entry of this call has another type",
    label = "its entry does not store a `{V}`",
    note = "both functions must return the same type of value (of a `Result`, that in its `Ok`; the error types may differ)"
)]
pub trait Takes<V> {}

impl<V> Takes<V> for EntryOf<V> {}

// This impl is never used. With only one impl, the compiler would infer the type of the entry, and would
// report a mismatch of types instead of this message.
#[diagnostic::do_not_recommend]
impl<V> Takes<V> for EntryOf<EntryOf<V>> {}

impl Target {
    /// Returns the target for values of this type. If the function of the entry stores another type, its policy is not
    /// used.
    pub(super) fn of(resolved: Resolved, of: TypeId) -> Self {
        let Resolved { bound, key, policy, .. } = resolved;
        let policy = policy.filter(|policy| policy.of.id() == of);
        Target { bound, key, policy }
    }

    /// Returns true if it is this entry.
    pub(super) fn is(&self, resolved: &Resolved) -> bool {
        Arc::ptr_eq(&self.bound.core, &resolved.bound.core)
            && self.key.name().as_str() == resolved.key.name().as_str()
            && self.key.memory.bytes == resolved.key.memory.bytes
    }

    /// Returns the put of a value under this entry.
    pub(super) fn put_of(&self) -> PutOf<'_> {
        let (longest, derives) = match &self.policy {
            Some(policy) => (policy.longest(), policy.derives()),
            None => (Ttl::For(Ttl::MIN), false),
        };
        PutOf { key: &self.key, stores: self.bound.stores, longest, derives }
    }

    async fn note(&self) -> Put {
        self.bound.core.put(&self.put_of(), Over::Nothing).await
    }

    fn changing(&self) -> Unfinished {
        let name = self.key.name().as_str().to_owned();
        Unfinished::changing(Arc::clone(&self.bound.core), vec![name])
    }
}

/// Returns a plan for the values of a function of this kind.
pub fn put_plan<K>(
    site: &'static MutationSpec,
    _: K,
    fill: impl FnOnce(&mut PutPlan<K::Value>),
) -> PutPlan<K::Value>
where
    K: StoredKind,
{
    filled::<K>(None, site, fill)
}

/// Does the same for an attribute that names a manager.
pub fn put_plan_in<K>(
    manager: &CacheManager,
    site: &'static MutationSpec,
    _: K,
    fill: impl FnOnce(&mut PutPlan<K::Value>),
) -> PutPlan<K::Value>
where
    K: StoredKind,
{
    filled::<K>(Some(manager.clone()), site, fill)
}

fn filled<K>(
    manager: Option<CacheManager>,
    site: &'static MutationSpec,
    fill: impl FnOnce(&mut PutPlan<K::Value>),
) -> PutPlan<K::Value>
where
    K: StoredKind,
{
    let (targets, value) = (Vec::new(), type_stored_by::<K>());
    let mut plan = PutPlan { site, manager, targets, value, of: PhantomData };
    fill(&mut plan);
    plan
}

impl<V> PutPlan<V> {
    /// Adds the entry of a call. `_kind` determines the part of the call's output that is stored.
    pub fn entry<F, K, W>(&mut self, call: F, _kind: K)
    where
        F: EntryCall,
        K: OutputKind<Output = <F::Call as Future>::Output, Value = W>,
        EntryOf<W>: Takes<V>,
    {
        let Some(resolved) = resolve_entry(call.into_call(), self.site, self.manager.as_ref())
        else {
            return;
        };
        add(&mut self.targets, resolved, self.value);
    }
}

/// Adds an entry, unless it has been added.
fn add(targets: &mut Vec<Target>, resolved: Resolved, of: &dyn ValueType) {
    if !targets.iter().any(|target| target.is(&resolved)) {
        targets.push(Target::of(resolved, of.id()));
    }
}

impl<V> fmt::Debug for PutPlan<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.targets.iter().map(|target| target.key.name())).finish()
    }
}

/// Runs the body of a `#[cache_put]` function, and stores its value before it returns.
///
/// If the body fails under `when = "always"`, panics, or is dropped once it has begun, it is unknown what it
/// has written. The entries are then removed, and again when a write that is still under way has settled.
pub async fn put<K, F>(
    plan: PutPlan<K::Value>,
    when: When,
    _kind: K,
    condition: Condition<K::Output>,
    body: Pin<&mut F>,
) -> K::Output
where
    K: StoredKind,
    F: Future<Output = K::Output>,
{
    let (site, manager) = (plan.site, plan.manager);
    let begun = begin(plan.targets).await;
    // An output that is not stored may not be `Send`, so it must not be held across an await.
    let core = || core_of(manager.as_ref());
    let value = match worth_storing::<K>(body.await, when, condition, site, core) {
        Ok(value) => value,
        Err((output, changed)) => {
            begun.give_up(changed);
            return output;
        }
    };
    begun.settle(ValueRef::new(type_stored_by::<K>(), &value)).await;
    K::join(Ok(value))
}

/// The puts of a call, which wait for their value.
struct Begun {
    targets: Vec<Target>,
    puts: Vec<Put>,
    unfinished: Vec<Unfinished>,
    began: Instant,
}

fn begin(targets: Vec<Target>) -> Boxed<Begun> {
    Box::pin(async move {
        let mut puts = Vec::with_capacity(targets.len());
        for target in &targets {
            puts.push(target.note().await);
        }
        let unfinished = targets.iter().map(Target::changing).collect();
        Begun { targets, puts, unfinished, began: Instant::now() }
    })
}

impl Begun {
    fn settle(self, value: ValueRef<'_>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let took = self.began.elapsed();
        Box::pin(async move {
            for (target, put) in self.targets.iter().zip(&self.puts) {
                let counters = &target.bound.counters;
                match &target.policy {
                    Some(policy) => {
                        // The entry has the form of its function: a put does not know whether it is in memory alone.
                        let value = value.in_form_of(policy.of);
                        put.settle(
                            policy,
                            counters,
                            &BodyValue { value, took, inherited: None },
                            Overtaken::Goes,
                        )
                        .await;
                    }
                    None => put.remove().await,
                }
            }
            self.unfinished.into_iter().for_each(|unfinished| unfinished.finish_at_once(false));
        })
    }

    /// Stores nothing. If `changed` is true, the data may have changed, and the entry is invalidated.
    fn give_up(self, changed: bool) {
        self.unfinished.into_iter().for_each(|unfinished| unfinished.finish_at_once(changed));
        self.puts.into_iter().for_each(Put::give_up);
    }
}

/// Returns the value to store.
///
/// # Errors
/// The output, and true if the data may have changed nevertheless.
pub(super) fn worth_storing<K: OutputKind>(
    output: K::Output,
    when: When,
    condition: Condition<K::Output>,
    site: &'static MutationSpec,
    core: impl FnOnce() -> Arc<Core>,
) -> Result<K::Value, (K::Output, bool)> {
    match holds(condition, &output, Some(&site.declared), "the entry is removed", core) {
        Some(true) => {}
        Some(false) => return Err((output, false)),
        None => return Err((output, true)),
    }
    K::split(output).map_err(|error| (K::join(Err(error)), when == When::Always))
}
