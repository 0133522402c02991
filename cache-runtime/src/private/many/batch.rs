//! The first, synchronous step of a call of many keys: it looks into memory for each id.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::discriminant;
use std::sync::Arc;

use super::super::begin::Begin;
use super::super::run::yield_once;
use super::super::task::rest_of;
use super::ids::IdList;
use super::kind::Many;
use crate::cache_call::request::{self, Delivery, Looked, Resolved, Response};
use crate::call::{self, Answers, BatchRefresh, BatchRun, Call, Demands, MissedId};
use crate::collector::traced::Traced;
use crate::collector::{BypassReason, Subject};
use crate::deferral;
use crate::error::Error;
use crate::manager;
use crate::output::collection::{Collection, Holds, ItemOf};
use crate::output::{EntryCall, MemoryValue, OutputKind, SharedErrors};
use crate::site::{Declared, SourceLocation, without_closures};
use crate::stats::seldom::Reason;
use crate::support::ambient;
use crate::value::StoredKind;

/// A call of many keys that looks into memory. `T` is the value that an entry stores, and `How` the way in which
/// it is an item of the output.
pub struct Batch<K, Id, T, How> {
    answers: Answers<T>,
    missed: Vec<MissedId>,
    of: &'static Declared,
    max_batch: usize,
    kind: PhantomData<fn() -> Many<K, Id>>,
    how: PhantomData<fn() -> How>,
}

/// The first step of a call of many keys.
pub enum BatchBegin<K: OutputKind, Id, T, How> {
    /// Memory has answered for all ids.
    Hit(K::Output),
    /// The call has to be run.
    Run(Box<BatchRun<K, Id, T, How>>),
}

/// Refuses a request that a call of many keys has received: it has no entry of its own. If there was one, the call
/// goes on when it is polled again.
pub async fn refuse_requests(of: &'static Declared, type_name: &'static str, boxed: u64) {
    if !ambient::any() {
        return;
    }
    match request::take(type_name, boxed) {
        None => return,
        Some(Delivery::NotMine) => {}
        Some(Delivery::Mine(_, reply)) => reply.send(Response::Refused(Error::NoEntry {
            function: of.function,
            reason: "it has an entry for each of its ids; take the entry of a call of the function of one id"
                .to_owned(),
            source: None,
        })),
    }
    yield_once().await;
}

// Each step has the bounds that can be checked there. With all of them at the first one, the compiler would infer the
// wrong way before it knows the value of an entry, and would report a mismatch of types.
impl<K, Id, T: MemoryValue, How> Batch<K, Id, T, How> {
    /// Begins a call whose bodies load at most `max_batch` ids each.
    pub fn new(_: Many<K, Id>, of: &'static Declared, max_batch: usize) -> Self {
        let (answers, missed) = (Answers::new(), Vec::new());
        Batch { answers, missed, of, max_batch, kind: PhantomData, how: PhantomData }
    }
}

impl<K, Id, T, How> Batch<K, Id, T, How>
where
    K: OutputKind,
    K::Value: Collection<Id>,
    <K::Value as Collection<Id>>::Item: ItemOf<T, How>,
    T: MemoryValue,
{
    /// Adds an id, and the first step of a call of it alone.
    #[inline]
    pub fn add<I>(&mut self, _: &Id, _: I, absent: Option<fn() -> T>, begin: Begin<I>)
    where
        I: StoredKind<Value = T>,
    {
        match begin {
            Begin::Hit(value) => _ = self.answers.add(Some(value), absent),
            Begin::Call(call) => {
                let place = self.answers.add(None, absent);
                let (call, traced) = call.into_call();
                self.missed.push(MissedId { place, call, traced });
            }
        }
    }

    /// Adds an id whose entry is that of a call. `_kind` determines the part of the call's output that is stored.
    pub fn add_entry<I, F>(
        &mut self,
        _: &Id,
        _kind: I,
        absent: Option<fn() -> T>,
        bypass: bool,
        call: F,
    ) where
        F: EntryCall,
        I: OutputKind<Output = <F::Call as Future>::Output, Value = T>,
    {
        let looked = if bypass { None } else { look(self.of, call.into_call()) };
        let reason = if bypass { BypassReason::Condition } else { BypassReason::NoEntry };
        let alone = || (None, Traced::bypassing(|| Subject::of_declared(self.of), reason));
        let (call, traced) = match looked {
            Some(Looked::Hit(output)) => match I::split(output) {
                Ok(value) => {
                    self.answers.add(Some(value), absent);
                    return;
                }
                // Memory holds no errors.
                Err(_) => alone(),
            },
            Some(Looked::Missed(resolved)) => call_of(*resolved),
            None => alone(),
        };
        let place = self.answers.add(None, absent);
        self.missed.push(MissedId { place, call, traced });
    }

    /// Returns the output, if memory has answered for all ids.
    #[inline]
    pub fn looked<L>(self, ids: &L) -> BatchBegin<K, Id, T, How>
    where
        K::Value: Holds<How>,
        L: IdList<Id = Id> + ?Sized,
        Id: Clone,
    {
        if self.missed.is_empty() {
            return BatchBegin::Hit(self.answers.output::<K, Id, How>(ids.each()));
        }
        let Batch { answers, missed, of, max_batch, .. } = self;
        let ids = ids.each().cloned().collect();
        BatchBegin::Run(Box::new(BatchRun::new(answers, missed, ids, Some(of), max_batch)))
    }
}

/// Looks for the entry of a call in memory. Returns `None` if it has none, and logs the reason.
fn look<F: Future>(of: &'static Declared, call: F) -> Option<Looked<F::Output>> {
    let addressee = request::addressee::<F>();
    let error = match request::look(call, addressee) {
        Ok(looked) => return Some(looked),
        Err(error) => error,
    };
    // R3: the cache must not fail the caller of the annotated function.
    let location = SourceLocation::of(of);
    let (at, reason) = (location.to_string(), Reason::Entry(discriminant(&error)));
    manager::current().seldom(&at, reason, |times| match error {
        Error::NotACachedCall { future } => tracing::error!(
            times,
            "the `entry` of {location} is not a call of a `#[cached]` function ({}); its values are not stored",
            without_closures(future)
        ),
        error => tracing::error!(
            times,
            "the `entry` of {location}: {error:#}; its value is not stored"
        ),
    });
    None
}

/// Refreshes stale values in a task of its own, in the scope of the call. `task` makes its body for some of the
/// ids.
pub fn refresh_many<K, Id, T, How, F, B>(
    run: &mut BatchRun<K, Id, T, How>,
    _: K,
    share: SharedErrors<K::Error>,
    refresh: BatchRefresh<Id>,
    task: F,
) where
    K: OutputKind + 'static,
    K::Value: Collection<Id> + Holds<How>,
    <K::Value as Collection<Id>>::Item: ItemOf<T, How>,
    K::Error: 'static,
    T: MemoryValue,
    Id: Clone + Send + 'static,
    F: FnOnce(Vec<Id>) -> B + Send + 'static,
    B: Future<Output = K::Output> + Send + 'static,
{
    let scope = manager::scoped().map(|manager| manager.downgrade());
    let around = |task| manager::carried(scope, task);
    run.refresh(refresh, task, move |error| rest_of(share, error), around);
}

/// Returns the call of an entry, if its function caches it, and the call for its collector, if it has one.
fn call_of(resolved: Resolved) -> (Option<Arc<Call>>, Option<Box<Traced>>) {
    let Resolved { bound, key, policy, bypass, .. } = resolved;
    let Some(policy) = policy else {
        let reason = bypass.unwrap_or(BypassReason::NoEntry);
        return (None, Traced::bypassing(|| Subject::of_key(&key), reason));
    };
    let traced = Traced::begin(|| Subject::of_key(&key));
    let (core, counters, stores) = (bound.core, bound.counters, bound.stores);
    let (shares, demands, heir, scope) =
        (None, Demands::default(), call::heir(), deferral::current());
    let offer = None;
    let call = Call { core, counters, key, policy, shares, stores, demands, heir, scope, offer };
    (Some(Arc::new(call)), traced)
}

impl<K, Id, T, How> fmt::Debug for Batch<K, Id, T, How> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("missed", &self.missed.len()).finish_non_exhaustive()
    }
}

impl<K: OutputKind, Id, T, How> fmt::Debug for BatchBegin<K, Id, T, How> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BatchBegin::Hit(_) => f.write_str("Hit"),
            BatchBegin::Run(run) => run.fmt(f),
        }
    }
}
