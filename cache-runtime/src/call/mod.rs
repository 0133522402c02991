//! The flow of a call that was not answered from memory at once.
//!
//! ```text
//! look:  a value at hand -- fresh, or stale and allowed --> return (and refresh it in the background)
//!                | none
//!        join or open a flight -- follower --> the leader's value
//!                | leader
//!        Redis read, one round trip -- usable --> followers, return (and refresh it in the background)
//!                | miss
//! load:  placeholder and tokens -> body -> compare-and-set fill, memory store -> followers, return
//! ```
//!
//! The body is not run here, but by [`Run`], which is all that is compiled for each function.
//!
//! Nothing here fails the caller: whatever happens to the cache, the body runs.

mod acting;
mod background_refresh;
mod beside;
mod copies;
mod drive;
mod early;
mod failure;
mod filling;
mod fleet;
mod key;
mod load;
mod look;
mod origin;
mod policy;
mod reading;
mod recursion;
mod redis_load;
mod shared_names;
mod store_outcome;
mod unfit;
mod validity;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use background_refresh::{BackgroundRefresh, Body, Lost};
pub(crate) use copies::Original;
pub(crate) use drive::Next;
pub use drive::Run;
pub(crate) use early::is_due;
pub(crate) use filling::{Making, fill};
pub(crate) use key::{CallKey, named};
pub(crate) use load::{Goal, Load};
pub(crate) use look::{Loading, Step};
pub(crate) use origin::Origin;
pub use origin::Source;
pub(crate) use policy::{Grace, Policy, Test, Weigh, fresh_for_ms, life_of};
pub(crate) use reading::{Ask, At, Leftover, Reading, Vacancy, tags_of};
pub(crate) use shared_names::{MOST_BESIDE, SharedNames};
pub(crate) use store_outcome::{PutOutcome, StoreOutcome};
pub(crate) use validity::{Present, Verdict, age_ms, hit, judge};

use crate::boxed::{Boxed, boxed};
use crate::config::Ttl;
use crate::core::{Core, Stores};
use crate::flight::{Flight, FlightOutcome, Follower, Leader, Waits};
use crate::generation::GenerationSnapshot;
use crate::means::Mean;
use crate::memory::{EntryMeta, Hit};
use crate::output::{SharedFailure, Shares};
use crate::stats::SiteCounters;
use crate::timer::timeout;
use crate::value::{AnyValue, Value};

/// What a caller gets that has not run its body, or that ran it for nothing; and what is known of
/// it.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) output: Output,
    pub(crate) origin: Origin,
}

/// An output whose type is not known.
pub(crate) type Output = Result<Value, SharedFailure>;

impl Served {
    pub(crate) fn found(found: Found) -> Self {
        Served { origin: found.origin(), output: Ok(found.hit.value) }
    }
}

/// A value that a store holds.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) hit: Hit<Value>,
    pub(crate) source: Source,
    version: Version,
}

/// Which of the values of its key a store held.
#[derive(Clone, Copy, Debug)]
enum Version {
    /// What Redis knows it by.
    Redis(At),
    /// How old it was.
    Memory(u64),
}

impl Found {
    fn in_memory(hit: Hit<Value>) -> Self {
        Found { version: Version::Memory(hit.age_ms), hit, source: Source::Memory }
    }

    fn in_redis(hit: Hit<Value>, at: At) -> Self {
        Found { hit, source: Source::Redis, version: Version::Redis(at) }
    }

    fn origin(&self) -> Origin {
        let stale = self.hit.stale_for_ms().is_some();
        Origin { source: self.source, age: Duration::from_millis(self.hit.age_ms), stale }
    }
}

/// A value on its way to those who waited for it.
struct Passed {
    value: Value,
    origin: Origin,
    /// The load time that is saved, if a store had it; `None` if a load was waited for.
    saved_micros: Option<u64>,
}

/// What a caller wants of a call beyond its value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Demands {
    /// A value that is older is as good as none.
    pub(crate) max_age: Option<Duration>,
    /// The call has been chosen to refresh the fresh value that it has found in memory.
    pub(crate) early: bool,
    /// The body can be had for a task of its own.
    pub(crate) background: bool,
}

/// Why a flight has no outcome for a caller.
#[derive(Clone, Copy, Debug)]
enum WaitError {
    /// The wait limit is over.
    TooLong,
    /// Its body waits for the one that is calling.
    Circle,
}

/// One call on its way to a value.
pub(crate) struct Call {
    pub(crate) core: Arc<Core>,
    pub(crate) counters: Arc<SiteCounters>,
    pub(crate) key: Arc<CallKey>,
    pub(crate) policy: Policy,
    pub(crate) shares: Shares,
    pub(crate) stores: Stores,
    pub(crate) demands: Demands,
}

/// What a caller does next.
pub(crate) enum Turn {
    /// It has its output.
    Done(Served),
    /// It runs the body, and does with its value what is to be done.
    Load(Box<Load>),
    /// It runs the body, and that is all.
    Bypass,
}

impl Call {
    /// What there is for this call, or the load that it leads.
    ///
    /// Cancel safe: if the load is dropped, a waiting caller takes over.
    pub(crate) async fn turn(self: &Arc<Self>) -> Turn {
        match self.look().await {
            Step::Done(served) => Turn::Done(served),
            Step::Load(loading) => boxed(|| self.begin_load(loading)).await,
            // There is no other body to run in the background.
            Step::BackgroundRefresh(background_refresh) => {
                Turn::Done(Served::found(background_refresh.found))
            }
        }
    }

    /// The same for [`Run`].
    pub(crate) fn next(self: Arc<Self>) -> Boxed<Next> {
        Box::pin(async move { Next { turn: self.turn().await, tell: None } })
    }

    /// Ends a load whose value is valid for everybody who waits.
    fn land(&self, leader: Leader<CallKey>, value: &Value) {
        leader.land(|| {
            passed(value).map_or(FlightOutcome::Failed, |passed| FlightOutcome::Value(passed))
        });
    }

    fn store_in_memory(
        &self,
        snapshot: &GenerationSnapshot,
        value: &dyn AnyValue,
        took: Duration,
        limit: Option<Duration>,
    ) -> StoreOutcome {
        let ttl = match self.policy.life(value) {
            Ok(ttl) => ttl,
            Err(refusal) => return self.core.refused(&self.key, &self.counters, refusal),
        };
        let ttl = match limit {
            Some(limit) => Ttl::For(ttl.duration().map_or(limit, |ttl| ttl.min(limit))),
            None => ttl,
        };
        let core = &self.core;
        let load_micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        let (now_ms, stamps) = (core.clock.now_ms(), snapshot.stamps.clone());
        let meta = EntryMeta::new(self.key.origin, now_ms, fresh_for_ms(ttl), stamps);
        let (key, weight) = (self.key.memory.clone(), self.weight(value));
        let made = match value.entry(&core.memory, key, meta, load_micros, weight.into()) {
            Ok(made) => made,
            Err(unkept) => {
                let error = unkept.error(self.key.name().as_str());
                return core.unfit(&self.key, &self.counters, &error);
            }
        };
        let name = || self.key.name().as_str();
        if !core.place(snapshot, made, |storing| storing.storable(snapshot, name)) {
            self.counters.slow.refused.one();
            return StoreOutcome::Overtaken;
        }
        self.counters.slow.stores.one();
        StoreOutcome::Stored
    }

    fn weight(&self, value: &dyn AnyValue) -> Option<usize> {
        self.core.weight(&self.key, self.policy.weigh.as_ref(), value)
    }

    /// Counts a value that a store has answered with.
    pub(crate) fn count_hit(&self, hit: &Hit<Value>, source: Source) {
        self.count_found(source, hit.load_micros);
        self.count_stale(hit);
    }

    fn count_found(&self, source: Source, load_micros: u64) {
        match source {
            Source::Redis => {
                self.counters.slow.redis_hits.one();
                self.counters.slow.saved_micros.add(load_micros);
            }
            _ => self.counters.memory_hit(load_micros),
        }
    }

    fn count_stale(&self, hit: &Hit<Value>) {
        if hit.stale_for_ms().is_some() {
            self.counters.slow.stale_served.one();
        }
    }

    /// Counts and says that what is stored was loaded for other arguments.
    fn note_alike(&self) {
        self.counters.slow.not_stored.one();
        self.key.tell_alike();
    }

    /// Whether the next load of this key waits for a while.
    fn note_failure(&self) -> bool {
        self.core.background.note_failure(&self.key, self.core.clock.now_ms())
    }

    /// Waits for a flight, for no longer than the wait limit.
    async fn wait(&self, follower: &Follower) -> Result<FlightOutcome, WaitError> {
        self.wait_inside(recursion::bodies(), follower).await
    }

    /// The same with the flights that wait with it.
    async fn wait_inside(
        &self,
        bodies: Vec<Arc<Flight>>,
        follower: &Follower,
    ) -> Result<FlightOutcome, WaitError> {
        let _waits = Waits::begin(bodies, follower).ok_or(WaitError::Circle)?;
        timeout(self.wait_limit(), follower.outcome()).await.map_err(|_| WaitError::TooLong)
    }

    fn wait_limit(&self) -> Duration {
        self.core.config.wait_limit.max(self.mean_load().get() * 4)
    }

    /// How long the loads of keys like this one take.
    fn mean_load(&self) -> &Mean {
        self.core.means.of(self.key.kind())
    }

    /// A flight's outcome as this call's output, where it can be one.
    fn shared_output(&self, outcome: &FlightOutcome) -> Option<Served> {
        let (output, origin, saved_micros) = match outcome {
            FlightOutcome::Value(passed) => {
                let Passed { value, origin, saved_micros } = passed.downcast_ref()?;
                let too_old = self.demands.max_age.is_some_and(|max_age| origin.age >= max_age);
                if too_old || value.of().id() != self.policy.of.id() {
                    return None;
                }
                (Ok(Arc::clone(value)), *origin, *saved_micros)
            }
            FlightOutcome::Error(error) => {
                self.shares.filter(|is_ours| is_ours(error))?;
                (Err(Arc::clone(error)), Origin::new(Source::Shared), None)
            }
            FlightOutcome::Failed | FlightOutcome::Outdated(_) | FlightOutcome::Abandoned => {
                return None;
            }
        };
        match saved_micros {
            // No load was waited for: another caller's read has found it.
            Some(saved_micros) => self.count_found(origin.source, saved_micros),
            None => {
                self.counters.slow.coalesced.one();
                self.counters.slow.misses.one();
            }
        }
        if origin.stale {
            self.counters.slow.stale_served.one();
        }
        Some(Served { output, origin })
    }
}

/// A value that has just been loaded, for those who waited; `None` if its `Clone` panics.
///
/// A clone, so that whoever has loaded the value has it for himself, and needs none.
fn passed(value: &Value) -> Option<Arc<Passed>> {
    let (value, origin) = (value.copied()?, Origin::new(Source::Shared));
    Some(Arc::new(Passed { value, origin, saved_micros: None }))
}
