//! A call of many keys that memory did not answer. The code that each function has of its own is that around its
//! body.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::Hash;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use smallvec::SmallVec;

use super::answers::{Answers, values_of};
use super::calls::ManyCalls;
use super::next::ManyStep;
use super::refresh::{ManyRefresh, RefreshBody};
use crate::call::Call;
use crate::call::background_refresh::LostError;
use crate::call::load::BodyError;
use crate::collector::traced::Traced;
use crate::gates::Refused;
use crate::key::prehashed::BuildPrehashed;
use crate::output::collection::{Collection, Holds, ItemOf};
use crate::output::{MemoryValue, OutputKind, SharedErrors, StandIn};
use crate::site::{Declared, SourceLocation};
use crate::stats::seldom::Reason;
use crate::support::boxed::Boxed;
use crate::support::panics::{drop_each, unless_panicking};
use crate::tiers::core::{Core, DIRECT};
use crate::tiers::key::CallKey;
use crate::value::{Value, owned};

/// The number of each key that has been seen.
struct KnownKeys<K>(HashMap<K, usize, BuildPrehashed>);

impl<K: Eq + Hash> KnownKeys<K> {
    /// Returns the number of a key, which is `next` if the key is new.
    fn number(&mut self, key: K, next: usize) -> usize {
        *self.0.entry(key).or_insert(next)
    }
}

/// The values of the keys of a body; `None` for a key without one.
type ByKey = Vec<(usize, Option<Value>)>;

/// An id that memory did not answer.
pub(crate) struct MissedId {
    /// Its place among the ids.
    pub(crate) place: usize,
    /// `None`: it is not cached.
    pub(crate) call: Option<Arc<Call>>,
    /// The call for its collector, if it has one.
    pub(crate) traced: Option<Box<Traced>>,
}

/// A call of many keys that memory did not answer.
pub struct BatchRun<K, Id, T, How> {
    calls: ManyCalls,
    answers: Answers<T>,
    ids: Vec<Id>,
    /// The places of the ids that have each key.
    places: Vec<SmallVec<[usize; 1]>>,
    /// The keys of the running body.
    in_body: Vec<usize>,
    /// True if the output of the body for all ids is that of the call.
    whole: bool,
    /// The function; `None` for a direct call.
    of: Option<&'static Declared>,
    kind: PhantomData<fn() -> (K, How)>,
}

/// The next step of a call of many keys.
#[derive(Debug)]
pub enum BatchNext<Id> {
    /// The body loads these ids.
    Load(Vec<Id>),
    /// A body in a task of its own refreshes stale values.
    Refresh(BatchRefresh<Id>),
    /// All ids are answered.
    Return,
}

/// Stale values that one body refreshes.
pub struct BatchRefresh<Id> {
    refresh: ManyRefresh,
    ids: Vec<Id>,
}

/// The result of a run of the body.
pub enum BatchLoaded<O> {
    /// The call ends with this output.
    Return(O),
    /// The call goes on.
    Continue,
}

impl<K, Id, T, How> BatchRun<K, Id, T, How>
where
    K: OutputKind,
    K::Value: Collection<Id> + Holds<How>,
    <K::Value as Collection<Id>>::Item: ItemOf<T, How>,
    Id: Clone,
    T: MemoryValue,
{
    pub(crate) fn new(
        answers: Answers<T>,
        missed: Vec<MissedId>,
        ids: Vec<Id>,
        of: Option<&'static Declared>,
        max_batch: usize,
    ) -> Self {
        // Nothing is cached: the body does as if there were no attribute.
        let whole = missed.len() == answers.len() && missed.iter().all(|one| one.call.is_none());
        let mut known = KnownKeys::<Arc<CallKey>>(HashMap::default());
        let (mut calls, mut places) = (Vec::new(), Vec::<SmallVec<[usize; 1]>>::new());
        for MissedId { place, call, traced } in missed {
            let next = calls.len();
            let key = call.as_ref().map(|call| Arc::clone(&call.key));
            let number = key.map_or(next, |key| known.number(key, next));
            if number == next {
                calls.push((call, traced));
                places.push(SmallVec::new());
            }
            places[number].push(place);
        }
        let calls = ManyCalls::new(calls, max_batch);
        let (in_body, kind) = (Vec::new(), PhantomData);
        BatchRun { calls, answers, ids, places, in_body, whole, of, kind }
    }

    /// Refreshes stale values in a task, for a function that can.
    pub fn in_the_background(&mut self) {
        self.calls.refresh_in_background();
    }

    /// Goes on to the next run of the body.
    ///
    /// Cancel safe: waiting callers take over the loads of a dropped call.
    pub async fn next(&mut self) -> BatchNext<Id> {
        if self.whole {
            return BatchNext::Load(self.ids.clone());
        }
        loop {
            let step = self.calls.step().await;
            let goes_on = self.take_answers();
            if self.whole {
                return BatchNext::Load(self.ids.clone());
            }
            match step {
                ManyStep::Load(keys) => {
                    let ids = self.ids_of(keys.iter().copied());
                    self.in_body = keys;
                    return BatchNext::Load(ids);
                }
                ManyStep::Refresh(refresh) => {
                    let ids = self.ids_of(refresh.keys());
                    return BatchNext::Refresh(BatchRefresh { refresh, ids });
                }
                ManyStep::Return if goes_on => {}
                ManyStep::Return => return BatchNext::Return,
            }
        }
    }

    fn ids_of(&self, keys: impl Iterator<Item = usize>) -> Vec<Id> {
        keys.map(|key| self.ids[self.places[key][0]].clone()).collect()
    }

    /// Takes the answers since the last call. Returns true if one of them cannot be used, so that its key is
    /// loaded.
    fn take_answers(&mut self) -> bool {
        let mut goes_on = false;
        for (key, answer) in self.calls.take_answers() {
            match answer.map(owned::<T>) {
                // R3: the value has another type in spite of the check, or its `Clone` panics.
                Some(None) => {
                    self.calls.load_aside(key);
                    goes_on = true;
                }
                Some(Some(value)) => goes_on |= self.set(key, Some(value)),
                None => goes_on |= self.set(key, None),
            }
        }
        goes_on
    }

    /// Sets the answer of a key. If a `Clone` panics, the body runs for all ids of the call; then it returns true.
    fn set(&mut self, key: usize, value: Option<T>) -> bool {
        let is_set = self.answers.set(&self.places[key], value);
        if !is_set {
            self.run_for_all();
        }
        !is_set
    }

    /// Makes the next run of the body that of all ids of the call.
    fn run_for_all(&mut self) {
        self.calls.give_up();
        self.whole = true;
    }

    /// Runs the body of this step, and stores its values.
    ///
    /// The output of the body may not be `Send`. So of the output, only the values to store are held between
    /// two polls.
    pub async fn load<F>(
        &mut self,
        _: K,
        share: SharedErrors<K::Error>,
        mut body: Pin<&mut F>,
    ) -> BatchLoaded<K::Output>
    where
        F: Future<Output = K::Output>,
    {
        if let Err(refused) = self.calls.admit(share.shed.is_some()).await {
            return self.turned_away(&refused, share);
        }
        let values = match poll_fn(|context| {
            let mut polled = Poll::Pending;
            self.calls.poll(context, &mut |context| {
                polled = body.as_mut().poll(context);
                polled.is_ready()
            });
            polled.map(|output| self.returned(output, share))
        })
        .await
        {
            Ok(values) => values,
            Err(ends) => return ends,
        };
        self.calls.finish(values).await;
        self.take_answers();
        BatchLoaded::Continue
    }

    /// Ends a body that does not run.
    fn turned_away(
        &mut self,
        refused: &Refused,
        share: SharedErrors<K::Error>,
    ) -> BatchLoaded<K::Output> {
        self.in_body.clear();
        let Some(shed) = self.calls.reject(refused) else {
            self.take_answers();
            return BatchLoaded::Continue;
        };
        let error = share.shed.and_then(|make| unless_panicking(|| make(shed)));
        match error {
            Some(error) => BatchLoaded::Return(K::join(Err(error))),
            // R3: the code of the error's type panics. It is always correct to run the body.
            None => {
                self.run_for_all();
                BatchLoaded::Continue
            }
        }
    }

    /// Returns the values to store, by key.
    fn returned(
        &mut self,
        output: K::Output,
        share: SharedErrors<K::Error>,
    ) -> Result<ByKey, BatchLoaded<K::Output>> {
        if self.whole {
            let output = K::split(output);
            self.calls.end_all_aside(output.is_err());
            return Err(BatchLoaded::Return(K::join(output)));
        }
        let items = match K::split(output) {
            Ok(items) => items,
            Err(error) => return Err(self.failed(error, share)),
        };
        let keys = mem::take(&mut self.in_body);
        let ids = self.ids_of(keys.iter().copied());
        let items = match items.take(&ids) {
            Ok(items) => items,
            Err(given) => {
                if let Some(core) = self.calls.core() {
                    say_wrong_count(&core, self.of, given, ids.len());
                }
                self.run_for_all();
                return Err(BatchLoaded::Continue);
            }
        };
        let loaded = values_of::<K::Value, Id, T, How>(items, &ids, self.answers.absent());
        let Some(loaded) = loaded else {
            self.run_for_all();
            return Err(BatchLoaded::Continue);
        };
        let mut values = Vec::with_capacity(keys.len());
        for (key, value) in keys.into_iter().zip(loaded) {
            match (self.calls.value_type(key), value) {
                (Some(of), Some(value)) => values.push((key, of.of_box(Box::new(value)))),
                (Some(_), None) => values.push((key, None)),
                // It is loaded without being stored.
                (None, value) => {
                    self.calls.end_aside(key, false);
                    if self.set(key, value) {
                        return Err(BatchLoaded::Continue);
                    }
                }
            }
        }
        Ok(values)
    }

    /// Ends a body that has failed. The error is not shared: it may be about ids that other callers do not ask
    /// for.
    fn failed(&mut self, error: K::Error, share: SharedErrors<K::Error>) -> BatchLoaded<K::Output> {
        let decided = OnceCell::new();
        let of_body = BodyError {
            text: &|| (share.text)(&error),
            stand_in: &|| *decided.get_or_init(|| share.stand_in(&error)),
            kept: None,
        };
        if self.calls.fail(&of_body) {
            return BatchLoaded::Return(K::join(Err(error)));
        }
        // Stale values stand in for it.
        drop_each([error]);
        self.take_answers();
        BatchLoaded::Continue
    }

    /// Refreshes stale values in a task of its own, inside of `around`. `task` makes its body for some of the ids.
    /// `rest_of` makes the part of an error that is left of it.
    pub(crate) fn refresh<F, B, A>(
        &mut self,
        refresh: BatchRefresh<Id>,
        task: F,
        rest_of: impl FnOnce(K::Error) -> LostError + Send + 'static,
        around: impl FnOnce(Boxed<()>) -> A,
    ) where
        F: FnOnce(Vec<Id>) -> B + Send + 'static,
        B: Future<Output = K::Output> + Send + 'static,
        A: Future<Output = ()> + Send + 'static,
        K: 'static,
        Id: Send + 'static,
    {
        let BatchRefresh { refresh, ids } = refresh;
        let Some((core, value_type)) = refresh.core_and_type() else { return };
        let (absent, of) = (self.answers.absent(), self.of);
        let body: RefreshBody = Box::new(move |places| {
            let ids: Vec<Id> = places.into_iter().map(|place| ids[place].clone()).collect();
            let body = task(ids.clone());
            Box::pin(async move {
                let items = K::split(body.await).map_err(rest_of)?;
                let items = items.take(&ids).map_err(|given| {
                    say_wrong_count(&core, of, given, ids.len());
                    let text = format!("{given} values for {} ids", ids.len());
                    LostError { shared: None, text, stand_in: StandIn::Stale }
                })?;
                let panics = || LostError {
                    shared: None,
                    text: "the `Clone` of a value panics".to_owned(),
                    stand_in: StandIn::Stale,
                };
                let values = values_of::<K::Value, Id, T, How>(items, &ids, absent);
                let value = |value: Option<T>| value_type.of_box(Box::new(value?));
                Ok(values.ok_or_else(panics)?.into_iter().map(value).collect())
            })
        });
        refresh.run(body, around);
    }

    /// Leaves stale values as they are, because an argument cannot be copied for a task.
    pub fn keep(&mut self, refresh: BatchRefresh<Id>) {
        refresh.refresh.not_copied();
    }

    /// Returns the output. `ids` are those of the call.
    pub(crate) fn into_output<'i>(self, ids: impl Iterator<Item = &'i Id>) -> K::Output
    where
        Id: 'i,
    {
        self.answers.output::<K, Id, How>(ids)
    }

    /// Returns the output.
    pub fn output(mut self: Box<Self>) -> K::Output {
        let ids = mem::take(&mut self.ids);
        self.into_output(ids.iter())
    }
}

/// Logs that a body has returned a list of the wrong length.
fn say_wrong_count(core: &Core, of: Option<&'static Declared>, given: usize, expected: usize) {
    let location = of.map_or_else(|| DIRECT.to_owned(), |of| SourceLocation::of(of).to_string());
    core.seldom(&location, Reason::Output, |times| {
        tracing::error!(
            times,
            "the body of {location} has returned {given} values for {expected} ids; none of them is stored, and the \
             body runs again for all ids of the call"
        );
    });
}

impl<K, Id, T, How> fmt::Debug for BatchRun<K, Id, T, How> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchRun").field("keys", &self.places.len()).finish_non_exhaustive()
    }
}

impl<Id> fmt::Debug for BatchRefresh<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchRefresh").field("ids", &self.ids.len()).finish_non_exhaustive()
    }
}

impl<O> fmt::Debug for BatchLoaded<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BatchLoaded::Return(_) => "Return",
            BatchLoaded::Continue => "Continue",
        })
    }
}
