//! The state of a call of many keys.

use std::mem;
use std::sync::Arc;

use futures_util::stream::FuturesUnordered;

use crate::call::Call;
use crate::call::found::{FoundValue, Served};
use crate::call::load::{Action, BodyError, FailedLoad, Load};
use crate::call::recursion::KeyLoad;
use crate::call::retry::Patience;
use crate::call::step::Loading;
use crate::call::waiting::WaitError;
use crate::collector::BypassReason;
use crate::collector::traced::Traced;
use crate::flight::{FlightOutcome, Follower, Leader, Ticket};
use crate::gates::Admitted;
use crate::support::boxed::Boxed;
use crate::tiers::core::Core;
use crate::tiers::inherited::Inherited;
use crate::tiers::key::CallKey;
use crate::tiers::origin::{Origin, Source};
use crate::value::{Value, ValueType};

/// A call of many keys on its way to their values. A key is known by its place among them.
///
/// If it is dropped, a waiting caller takes over each of its loads.
pub(super) struct ManyCalls {
    pub(super) items: Vec<ManyKey>,
    pub(super) asked: Ticket,
    /// The maximum number of keys that one body loads.
    pub(super) max_batch: usize,
    /// True if stale values can be refreshed in a task.
    pub(super) background: bool,
    /// The keys to look for next.
    pub(super) next: Vec<usize>,
    /// The keys to look for next in flights that no other caller joins.
    pub(super) lone: Vec<LedKey>,
    /// The loads whose body is to be run next.
    pub(super) led: Vec<(usize, Led)>,
    /// The loads of the running body.
    pub(super) loads: Vec<(usize, Box<Load>)>,
    /// The keys that the running body loads without storing their values.
    pub(super) aside: Vec<usize>,
    /// The loads that this call leads while the body runs, for the calls that the body makes.
    pub(super) polled: Option<Arc<[KeyLoad]>>,
    /// The permits of the running body, if its function has limits.
    pub(super) admitted: Option<Admitted>,
    /// The waits for the loads of other callers.
    pub(super) waits: FuturesUnordered<Boxed<(usize, Waited)>>,
    /// The loads among them that wait for another process.
    pub(super) elsewhere: Vec<KeyLoad>,
    /// The stale values to refresh.
    pub(super) stale: Vec<OldValue>,
    pub(super) answers: Vec<(usize, Option<Value>)>,
}

/// One of the keys.
pub(super) struct ManyKey {
    /// `None`: it is not cached.
    pub(super) call: Option<Arc<Call>>,
    /// The call for its collector, until it has ended.
    pub(super) traced: Option<Box<Traced>>,
    pub(super) patience: Patience,
}

/// A load that this call leads.
pub(super) enum Led {
    Load(Box<Loading>),
    /// It has begun already.
    Begun(Box<Load>),
    /// The value is not stored.
    Aside,
}

/// A key whose flight this call leads.
pub(super) type LedKey = (usize, Arc<Call>, Leader<CallKey>);

/// The end of a wait for another caller.
pub(super) enum Waited {
    /// For its flight.
    Flight(Follower, Result<FlightOutcome, WaitError>),
    /// For a place among those that load for themselves. `None`: another one of them has succeeded.
    Retry(Patience, Option<Leader<CallKey>>),
    /// For the load of another process.
    Fleet(Action),
}

/// A value that is served while it is refreshed.
pub(super) struct OldValue {
    pub(super) key: usize,
    pub(super) call: Arc<Call>,
    pub(super) refresh: Leader<CallKey>,
    pub(super) found: FoundValue,
}

impl ManyCalls {
    pub(super) fn new(
        calls: impl IntoIterator<Item = (Option<Arc<Call>>, Option<Box<Traced>>)>,
        max_batch: usize,
    ) -> Self {
        let item = |(call, traced)| ManyKey { call, traced, patience: Patience::default() };
        let items: Vec<_> = calls.into_iter().map(item).collect();
        ManyCalls {
            asked: Ticket::now(),
            max_batch: max_batch.max(1),
            background: false,
            next: (0..items.len()).collect(),
            items,
            lone: Vec::new(),
            led: Vec::new(),
            loads: Vec::new(),
            aside: Vec::new(),
            polled: None,
            admitted: None,
            waits: FuturesUnordered::new(),
            elsewhere: Vec::new(),
            stale: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Refreshes stale values in a task from now on.
    pub(super) fn refresh_in_background(&mut self) {
        self.background = true;
    }

    /// Returns loads that have begun already.
    pub(super) fn of_loads(begun: Vec<(Arc<Call>, Box<Load>)>) -> Self {
        let (calls, loads): (Vec<_>, Vec<_>) =
            begun.into_iter().map(|(call, load)| ((Some(call), None), load)).unzip();
        let mut many = ManyCalls::new(calls, usize::MAX);
        many.next.clear();
        many.loads = loads.into_iter().enumerate().collect();
        many.count_as_one();
        many
    }

    /// Makes the loads of the running body count as one.
    pub(super) fn count_as_one(&mut self) {
        let of = self.loads.len();
        let inherited = self.inherited();
        for (place, (_, load)) in self.loads.iter_mut().enumerate() {
            // The permits are those of the body.
            load.admission = None;
            load.one_of(of, place == 0);
            load.inherit(inherited.as_ref());
        }
    }

    /// Returns the dependencies that the running body takes over, for all of its loads.
    pub(super) fn inherited(&self) -> Option<Arc<Inherited>> {
        self.loads.iter().find_map(|(_, load)| load.inherited.clone())
    }

    /// Returns the answers since the last call: `None` for a key without a value.
    pub(super) fn take_answers(&mut self) -> Vec<(usize, Option<Value>)> {
        mem::take(&mut self.answers)
    }

    /// Loads a key again, without storing its value, because its answer cannot be used.
    pub(super) fn load_aside(&mut self, key: usize) {
        self.led.push((key, Led::Aside));
    }

    /// Returns the keys of the running body, in order.
    pub(super) fn in_body(&self) -> Vec<usize> {
        let loads = self.loads.iter().map(|(key, _)| *key);
        let mut keys: Vec<_> = loads.chain(self.aside.iter().copied()).collect();
        keys.sort_unstable();
        keys
    }

    /// Ends the loads of a body that has failed. A stale value is the answer for the keys that have one that may
    /// stand in. Returns true if another key has none, so that the call fails.
    pub(super) fn fail(&mut self, error: &BodyError<'_>) -> bool {
        self.polled = None;
        // A probe ends after its result has been noted.
        let admitted = self.admitted.take();
        let is_probe = admitted.as_ref().is_some_and(Admitted::is_probe);
        let aside = mem::take(&mut self.aside);
        let mut fails = !aside.is_empty();
        aside.into_iter().for_each(|key| self.end_aside(key, true));
        for (key, load) in mem::take(&mut self.loads) {
            match load.fail_as(error, is_probe) {
                FailedLoad::Instead(served) => self.serve_output(key, served),
                FailedLoad::Error(flight) => {
                    fails = true;
                    flight.land(None);
                    self.end(key, Origin::new(Source::Load), true);
                }
            }
        }
        fails
    }

    /// Ends all loads without a value. Waiting callers take over.
    pub(super) fn give_up(&mut self) {
        let items = mem::take(&mut self.items);
        *self = ManyCalls::new([], self.max_batch);
        self.items = items.into_iter().map(|item| ManyKey { call: None, ..item }).collect();
    }

    /// Returns the cache of one of the keys, if one is cached.
    pub(super) fn core(&self) -> Option<Arc<Core>> {
        self.items.iter().find_map(|item| Some(Arc::clone(&item.call.as_ref()?.core)))
    }

    /// Returns the type of the values that the running body loads for a key; `None` if they are not stored.
    pub(super) fn value_type(&self, key: usize) -> Option<&'static dyn ValueType> {
        if self.aside.contains(&key) {
            return None;
        }
        self.items[key].call.as_ref().map(|call| call.policy.of)
    }

    pub(super) fn answer(&mut self, key: usize, value: Option<Value>) {
        self.answers.push((key, value));
    }

    /// Answers a key with an output, and ends its call.
    pub(super) fn serve_output(&mut self, key: usize, Served { output, origin }: Served) {
        self.end(key, origin, output.is_err());
        self.answer(key, output.ok());
    }

    /// Ends the call of a key, for its collector.
    pub(super) fn end(&mut self, key: usize, origin: Origin, is_error: bool) {
        if let Some(traced) = self.items[key].traced.take() {
            traced.end(origin, is_error);
        }
    }

    /// Does the same for a key that has been loaded without the cache.
    pub(super) fn end_aside(&mut self, key: usize, is_error: bool) {
        let item = &mut self.items[key];
        if let Some(traced) = &mut item.traced {
            let reason = item.call.as_ref().map(|call| call.bypass_reason());
            traced.bypasses(reason.unwrap_or(BypassReason::NoEntry));
        }
        self.end(key, Origin::new(Source::Load), is_error);
    }

    /// Does the same for all keys that are not answered.
    pub(super) fn end_all_aside(&mut self, is_error: bool) {
        (0..self.items.len()).for_each(|key| self.end_aside(key, is_error));
    }

    pub(super) fn call(&self, key: usize) -> Option<Arc<Call>> {
        self.items[key].call.clone()
    }
}
