//! `#[cache_put]`: stores the value that a function returns in place of an entry.

use std::any::TypeId;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use super::plan::{
    Condition, Unfinished, When, add_entries_of, core_of, holds, report_panic, resolve_entry,
};
use crate::cache_call::request::Resolved;
use crate::config::Ttl;
use crate::deferral;
use crate::manager::CacheManager;
use crate::output::EntryCall;
use crate::output::OutputKind;
use crate::redis::Over;
use crate::registry::MutationSpec;
use crate::support::boxed::Boxed;
use crate::support::panics::unless_panicking;
use crate::tiers::core::{Bound, Core};
use crate::tiers::invalidate::Targets;
use crate::tiers::key::CallKey;
use crate::tiers::late_put::LatePut;
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
    /// Everything that the value could name as a further entry.
    unknown: Targets,
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

    /// Removes the present entry.
    async fn remove(&self) {
        self.bound.core.invalidate(&Targets::name(self.key.name().as_str())).await;
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
    let mut plan = PutPlan::new(site, manager, Vec::new(), type_stored_by::<K>());
    fill(&mut plan);
    plan
}

/// Returns the closure that adds the entries which the value of an output names.
pub fn late_entries<K, L>(_: K, late: L) -> L
where
    K: OutputKind,
    L: FnOnce(&K::Value, &mut PutPlan<K::Value>),
{
    late
}

impl<V> PutPlan<V> {
    fn new(
        site: &'static MutationSpec,
        manager: Option<CacheManager>,
        targets: Vec<Target>,
        value: &'static dyn ValueType,
    ) -> Self {
        let unknown = Targets { by: Some(&site.declared), ..Targets::default() };
        PutPlan { site, manager, targets, unknown, value, of: PhantomData }
    }

    /// Notes that the value will name an entry of a function with this name.
    pub fn unknown_entry(&mut self, function: &'static str) {
        add_entries_of(&mut self.unknown, function);
    }

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
    kind: K,
    condition: Condition<K::Output>,
    body: Pin<&mut F>,
) -> K::Output
where
    K: StoredKind,
    F: Future<Output = K::Output>,
{
    put_late(plan, when, kind, condition, |_, _| {}, body).await
}

/// Does the same for a function whose value names an entry. If there is no value, all entries that it could name are
/// invalidated where those of the plan are removed.
pub async fn put_late<K, L, F>(
    plan: PutPlan<K::Value>,
    when: When,
    _kind: K,
    condition: Condition<K::Output>,
    late: L,
    body: Pin<&mut F>,
) -> K::Output
where
    K: StoredKind,
    L: FnOnce(&K::Value, &mut PutPlan<K::Value>),
    F: Future<Output = K::Output>,
{
    let PutPlan { site, manager, targets, unknown, value: of, .. } = plan;
    let late_core = (!unknown.is_empty()).then(|| core_of(manager.as_ref()));
    let mut begun = begin(targets, late_core, unknown).await;
    // An output that is not stored may not be `Send`, so it must not be held across an await.
    let core = || core_of(manager.as_ref());
    let value = match worth_storing::<K>(body.await, when, condition, site, core) {
        Ok(value) => value,
        Err((output, changed)) => {
            begun.give_up(changed);
            return output;
        }
    };
    if let Some(known) = begun.take_known() {
        let mut plan = PutPlan::new(site, manager, known, of);
        // R3: a panic in an expression must not fail the caller, which has the output.
        let is_named = unless_panicking(|| late(&value, &mut plan)).is_some();
        begun.learn(site, plan.targets, is_named);
    }
    begun.settle(ValueRef::new(of, &value)).await;
    K::join(Ok(value))
}

/// The puts of a call, which wait for their value.
struct Begun {
    targets: Vec<Target>,
    /// The puts to the first of these targets; `None` if the entry has to be removed.
    puts: Vec<Option<Put>>,
    unfinished: Vec<Unfinished>,
    late: Option<Late>,
    /// True in the scope of a transaction. A value that is not committed is not stored: the entries are invalidated after the
    /// commit.
    waits: bool,
    began: Instant,
}

/// The part of a call whose value names further entries.
struct Late {
    core: Arc<Core>,
    /// `None` in the scope of a transaction.
    put: Option<LatePut>,
    /// The guard for everything that the value could name. When the value is known, its entries have guards of their own.
    unknown: Option<Unfinished>,
}

fn begin(targets: Vec<Target>, late_core: Option<Arc<Core>>, unknown: Targets) -> Boxed<Begun> {
    Box::pin(async move {
        let waits = deferral::is_in_scope();
        let mut puts = Vec::with_capacity(targets.len());
        for target in &targets {
            puts.push(if waits { None } else { Some(target.note().await) });
        }
        let late = match late_core {
            None => None,
            Some(core) => {
                let put = if waits { None } else { Some(core.late_put().await) };
                let unknown = Some(Unfinished::of(Arc::clone(&core), unknown));
                Some(Late { core, put, unknown })
            }
        };
        let unfinished = targets.iter().map(Target::changing).collect();
        Begun { targets, puts, unfinished, late, waits, began: Instant::now() }
    })
}

impl Begun {
    /// Returns the entries that are known, if the value names further ones.
    fn take_known(&mut self) -> Option<Vec<Target>> {
        self.late.as_ref().map(|_| mem::take(&mut self.targets))
    }

    /// Takes the entries that are known, followed by those that the value names. If `is_named` is false, it is not known
    /// which entries the value names.
    fn learn(&mut self, site: &'static MutationSpec, all: Vec<Target>, is_named: bool) {
        self.targets = all;
        let Some(late) = &mut self.late else { return };
        if !is_named {
            self.targets.truncate(self.puts.len());
            return report_panic(site, &late.core);
        }
        self.unfinished.extend(self.targets.iter().skip(self.puts.len()).map(Target::changing));
        late.unknown.take().into_iter().for_each(|unknown| unknown.finish_at_once(false));
    }

    /// Begins the puts to the entries that the value names.
    async fn begin_late(&mut self) {
        let Some(Late { put, unknown, .. }) = &mut self.late else { return };
        if let Some(unknown) = unknown.take() {
            return unknown.finish(true).await;
        }
        for target in self.targets.iter().skip(self.puts.len()).collect::<Vec<_>>() {
            self.puts.push(match (&put, &target.policy) {
                (Some(put), Some(_)) => put.begin(&target.bound.core, &target.put_of()).await,
                _ => None,
            });
        }
    }

    fn settle(mut self, value: ValueRef<'_>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let took = self.began.elapsed();
        Box::pin(async move {
            self.begin_late().await;
            for (target, put) in self.targets.iter().zip(&self.puts).filter(|_| !self.waits) {
                let counters = &target.bound.counters;
                match (&target.policy, put) {
                    (Some(policy), Some(put)) => {
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
                    (Some(_), None) => {
                        counters.slow.refused.one();
                        target.remove().await;
                    }
                    (None, _) => target.remove().await,
                }
            }
            self.unfinished.into_iter().for_each(Unfinished::finish_put);
        })
    }

    /// Stores nothing. If `changed` is true, the data may have changed, and the entry is invalidated.
    fn give_up(self, changed: bool) {
        self.unfinished.into_iter().for_each(|unfinished| unfinished.finish_at_once(changed));
        let unknown = self.late.and_then(|late| late.unknown);
        unknown.into_iter().for_each(|unknown| unknown.finish_at_once(changed));
        self.puts.into_iter().flatten().for_each(Put::give_up);
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
