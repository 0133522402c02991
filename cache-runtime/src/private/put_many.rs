//! `#[cache_put]` with `each(id in ids)`: stores the values that a function returns in place of the entries of
//! their ids.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use smallvec::SmallVec;

use super::many::IdList;
use super::plan::{Condition, Unfinished, When, core_of, resolve_entry};
use super::put_function::{Target, worth_storing};
use crate::deferral;
use crate::error::Error;
use crate::manager::CacheManager;
use crate::output::collection::{Collection, ItemOf};
use crate::output::{EntryCall, MemoryValue, OutputKind};
use crate::redis::AT_ONCE;
use crate::registry::MutationSpec;
use crate::site::SourceLocation;
use crate::stats::seldom::Reason;
use crate::support::boxed::{Boxed, boxed};
use crate::support::panics::unless_panicking;
use crate::tiers::core::Core;
use crate::tiers::invalidate::Targets;
use crate::tiers::put::{BodyValue, Overtaken, Put};
use crate::value::Value;

/// The entries that one call of a `#[cache_put]` function of many keys will put its values under, taken before
/// its body takes the arguments.
pub struct PutManyPlan<Id, Item> {
    site: &'static MutationSpec,
    /// The manager that the attribute names, if it names one.
    manager: Option<CacheManager>,
    ids: Vec<Id>,
    targets: Vec<Target>,
    /// The values for the targets, in their order.
    sources: Vec<ItemSource<Item>>,
    /// The places of the targets that have each name.
    places: HashMap<String, SmallVec<[usize; 1]>>,
}

/// The origin of the value for an entry.
struct ItemSource<Item> {
    /// The place of the id.
    id: usize,
    conversion: Box<dyn Convert<Item>>,
}

/// Converts an item of the output into the value that an entry stores.
trait Convert<Item>: Send + Sync {
    /// Returns the value of an item, or of an id without one, if there is such a value.
    fn value(&self, item: Option<&Item>) -> Option<Box<dyn Any + Send>>;
}

struct Conversion<Item, T> {
    of_item: fn(&Item) -> T,
    /// Makes the value that says that an id has no item, if there is such a value.
    absent: Option<fn() -> T>,
}

impl<Item, T: MemoryValue> Convert<Item> for Conversion<Item, T> {
    fn value(&self, item: Option<&Item>) -> Option<Box<dyn Any + Send>> {
        let value = match item {
            Some(item) => (self.of_item)(item),
            None => self.absent?(),
        };
        Some(Box::new(value))
    }
}

/// Returns a plan for the values of these ids. `_item` is the kind of a function that would return one of them.
pub fn put_many_plan<L, I>(
    site: &'static MutationSpec,
    _item: I,
    ids: &L,
    fill: impl FnOnce(&mut PutManyPlan<L::Id, I::Value>),
) -> PutManyPlan<L::Id, I::Value>
where
    L: IdList<Id: Clone> + ?Sized,
    I: OutputKind<Value: MemoryValue>,
{
    filled(None, site, ids, fill)
}

/// Does the same for an attribute that names a manager.
pub fn put_many_plan_in<L, I>(
    manager: &CacheManager,
    site: &'static MutationSpec,
    _item: I,
    ids: &L,
    fill: impl FnOnce(&mut PutManyPlan<L::Id, I::Value>),
) -> PutManyPlan<L::Id, I::Value>
where
    L: IdList<Id: Clone> + ?Sized,
    I: OutputKind<Value: MemoryValue>,
{
    filled(Some(manager.clone()), site, ids, fill)
}

fn filled<L, Item>(
    manager: Option<CacheManager>,
    site: &'static MutationSpec,
    ids: &L,
    fill: impl FnOnce(&mut PutManyPlan<L::Id, Item>),
) -> PutManyPlan<L::Id, Item>
where
    L: IdList<Id: Clone> + ?Sized,
{
    let (targets, sources, places) = (Vec::new(), Vec::new(), HashMap::new());
    let ids = ids.each().cloned().collect();
    let mut plan = PutManyPlan { site, manager, ids, targets, sources, places };
    fill(&mut plan);
    plan
}

impl<Id, Item: MemoryValue> PutManyPlan<Id, Item> {
    /// Adds the entry of the id at this place, which is that of a call. `_kind` determines the part of the call's
    /// output that is stored.
    pub fn entry<I, F, T, How>(&mut self, id: usize, _kind: I, absent: Option<fn() -> T>, call: F)
    where
        F: EntryCall,
        I: OutputKind<Output = <F::Call as Future>::Output, Value = T>,
        Item: ItemOf<T, How>,
        T: MemoryValue,
    {
        let Some(resolved) = resolve_entry(call.into_call(), self.site, self.manager.as_ref())
        else {
            return;
        };
        let of_item: fn(&Item) -> T = |item| item.clone().into_stored();
        let source = ItemSource { id, conversion: Box::new(Conversion { of_item, absent }) };
        let places = self.places.entry(resolved.key.name().as_str().to_owned()).or_default();
        // Of equal ids, the last one has the newest item.
        match places.iter().find(|place| self.targets[**place].is(&resolved)) {
            Some(place) => self.sources[*place] = source,
            None => {
                places.push(self.targets.len());
                self.targets.push(Target::of(resolved, TypeId::of::<T>()));
                self.sources.push(source);
            }
        }
    }
}

impl<Id, Item> PutManyPlan<Id, Item> {
    /// Brings the targets in each cache together.
    fn by_core(mut self) -> Self {
        let mut both: Vec<_> = self.targets.into_iter().zip(self.sources).collect();
        both.sort_by_key(|(target, _)| Arc::as_ptr(&target.bound.core).addr());
        (self.targets, self.sources) = both.into_iter().unzip();
        self.places.clear();
        self
    }
}

impl<Id, Item> fmt::Debug for PutManyPlan<Id, Item> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.targets.iter().map(|target| target.key.name())).finish()
    }
}

/// Runs the body of a `#[cache_put]` function of many keys, and stores its values before it returns.
///
/// If the body fails under `when = "always"`, panics, or is dropped once it has begun, all of its entries are
/// removed, as those of a put of one value are.
pub async fn put_many<K, Id, F>(
    plan: PutManyPlan<Id, <K::Value as Collection<Id>>::Item>,
    when: When,
    _kind: K,
    condition: Condition<K::Output>,
    body: Pin<&mut F>,
) -> K::Output
where
    K: OutputKind<Value: Collection<Id>>,
    F: Future<Output = K::Output>,
{
    let PutManyPlan { site, manager, ids, targets, sources, .. } = plan.by_core();
    let begun = begin(targets).await;
    // An output that is not stored may not be `Send`, so it must not be held across an await.
    let core = || core_of(manager.as_ref());
    let all = match worth_storing::<K>(body.await, when, condition, site, core) {
        Ok(all) => all,
        Err((output, changed)) => {
            begun.give_up(changed);
            return output;
        }
    };
    let values = begun.values(&all, &ids, &sources, site);
    begun.settle(values).await;
    K::join(Ok(all))
}

/// The puts of a call, which wait for their values.
struct ManyBegun {
    targets: Vec<Target>,
    /// In the order of the targets.
    puts: Vec<Put>,
    unfinished: Vec<Unfinished>,
    began: Instant,
}

fn begin(targets: Vec<Target>) -> Boxed<ManyBegun> {
    Box::pin(async move {
        let mut puts = Vec::with_capacity(targets.len());
        // A value that is not committed is not stored.
        for alike in in_one_core(&targets).filter(|_| !deferral::is_in_scope()) {
            let of: Vec<_> = alike.iter().map(Target::put_of).collect();
            puts.extend(boxed(|| alike[0].bound.core.put_many(&of)).await);
        }
        let unfinished = in_one_core(&targets)
            .map(|alike| Unfinished::changing(Arc::clone(&alike[0].bound.core), names_of(alike)));
        let unfinished = unfinished.collect();
        ManyBegun { targets, puts, unfinished, began: Instant::now() }
    })
}

/// Returns the runs of targets that are in the same cache. Nearly always, there is one.
fn in_one_core(targets: &[Target]) -> impl Iterator<Item = &[Target]> {
    targets.chunk_by(|one, other| Arc::ptr_eq(&one.bound.core, &other.bound.core))
}

fn names_of<'t>(targets: impl IntoIterator<Item = &'t Target>) -> Vec<String> {
    targets.into_iter().map(|target| target.key.name().as_str().to_owned()).collect()
}

impl ManyBegun {
    /// Returns the values of the targets; `None` for an entry that is removed, because the output has no value for
    /// it.
    fn values<C, Id>(
        &self,
        all: &C,
        ids: &[Id],
        sources: &[ItemSource<C::Item>],
        site: &'static MutationSpec,
    ) -> Vec<Option<Value>>
    where
        C: Collection<Id>,
    {
        // R3: the code of the ids and the items may panic, and must not fail the caller.
        let items = match unless_panicking(|| all.items(ids)) {
            Some(Ok(items)) => items,
            Some(Err(given)) => {
                if let Some(target) = self.targets.first() {
                    say_wrong_count(&target.bound.core, site, given, ids.len());
                }
                Vec::new()
            }
            None => Vec::new(),
        };
        let value = |(target, source): (&Target, &ItemSource<C::Item>)| {
            let of = target.policy.as_ref()?.of;
            let item = *items.get(source.id)?;
            let Some(value) = unless_panicking(|| source.conversion.value(item)) else {
                let error = Error::Panics { type_name: of.name() };
                target.bound.core.unfit(&target.key, &target.bound.counters, &error);
                return None;
            };
            of.of_box(value?)
        };
        self.targets.iter().zip(sources).map(value).collect()
    }

    /// Stores the values, and removes the entries without one.
    fn settle(self, values: Vec<Option<Value>>) -> Boxed<()> {
        let took = self.began.elapsed();
        Box::pin(async move {
            let (mut stored, mut removed) = (Vec::new(), Vec::new());
            for ((target, put), value) in self.targets.iter().zip(&self.puts).zip(values) {
                match (&target.policy, value) {
                    (Some(policy), Some(value)) => stored.push(async move {
                        let (counters, value) = (&target.bound.counters, value.as_ref());
                        put.settle(
                            policy,
                            counters,
                            &BodyValue { value, took, inherited: None },
                            Overtaken::Goes,
                        )
                        .await;
                    }),
                    _ => removed.push(target),
                }
            }
            while !stored.is_empty() {
                let part = stored.drain(..stored.len().min(AT_ONCE));
                boxed(|| join_all(part)).await;
            }
            for alike in
                removed.chunk_by(|one, other| Arc::ptr_eq(&one.bound.core, &other.bound.core))
            {
                let names = names_of(alike.iter().copied());
                let targets = Targets { names, ..Targets::default() };
                alike[0].bound.core.invalidate(&targets).await;
            }
            self.unfinished.into_iter().for_each(Unfinished::finish_put);
        })
    }

    /// Stores nothing. If `changed` is true, the data may have changed, and the entries are invalidated.
    fn give_up(self, changed: bool) {
        self.unfinished.into_iter().for_each(|unfinished| unfinished.finish_at_once(changed));
        self.puts.into_iter().for_each(Put::give_up);
    }
}

/// Logs that a body has returned a list of the wrong length.
fn say_wrong_count(core: &Core, site: &'static MutationSpec, given: usize, expected: usize) {
    let location = SourceLocation::of(&site.declared).to_string();
    core.seldom(&location, Reason::Output, |times| {
        tracing::error!(
            times,
            "the body of {location} has returned {given} values for {expected} ids; none of them is stored, and the \
             entries of the ids are removed"
        );
    });
}
