//! The flow of a call that was not answered from memory at once.
//!
//! ```text
//! look:  a value at hand -- fresh, or stale and allowed --> return (and load it anew aside)
//!                | none
//!        join or open a flight -- follower --> the leader's value
//!                | leader
//!        Redis read, one round trip -- usable --> followers, return (and load it anew aside)
//!                | miss
//! load:  mark and tokens -> body -> compare-and-set fill, memory store -> followers, return
//! ```
//!
//! Nothing here fails the caller: whatever happens to the cache, the body runs.

mod acting;
mod aside;
mod cluster;
mod copies;
mod early;
mod key;
mod look;
mod policy;
mod reading;
mod recursion;
mod redis_load;
mod validity;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;
use tracing::{Instrument as _, debug_span};

pub(crate) use aside::{Aside, Body};
pub(crate) use copies::Original;
pub(crate) use early::is_due;
pub(crate) use key::{CallKey, named};
pub(crate) use look::{Loading, Step};
pub(crate) use policy::{Grace, Policy, fresh_for_ms, life_of};
pub(crate) use reading::{Ask, Leftover, Reading};
pub(crate) use redis_load::Making;
pub(crate) use validity::{Present, Verdict, hit, judge};

use crate::boxed::boxed;
use crate::config::Ttl;
use crate::core::{Core, Stores};
use crate::entry::StateId;
use crate::flight::{Follower, Leader, Outcome};
use crate::generation::Noted;
use crate::memory::{Facts, Hit};
use crate::output::{CacheValue, OutputKind, ShareError};
use crate::put::Overtaken;
use crate::runtime;
use crate::stats::SiteCounters;
use look::Into;

/// Where an output came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The memory of this process.
    Memory,
    /// Redis.
    Redis,
    /// The function's body, run by this call.
    Load,
    /// The function's body, run by another caller at the same time.
    Shared,
}

/// An output, and what is known of it.
pub(crate) struct Served<K: OutputKind> {
    pub(crate) output: K::Output,
    pub(crate) origin: Origin,
}

/// Where an output came from, how long ago it was stored, and whether its TTL is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) source: Source,
    pub(crate) age: Duration,
    pub(crate) stale: bool,
}

impl Origin {
    pub(crate) fn new(source: Source) -> Self {
        Origin { source, age: Duration::ZERO, stale: false }
    }
}

impl<K: OutputKind> Served<K> {
    fn new(parts: Result<K::Value, K::Error>, source: Source) -> Self {
        Served { output: K::join(parts), origin: Origin::new(source) }
    }

    pub(crate) fn found(found: Found<K::Value>) -> Self {
        Served { origin: found.origin(), output: K::join(Ok(found.hit.value)) }
    }
}

/// A value that a store holds.
#[derive(Debug)]
pub(crate) struct Found<V> {
    pub(crate) hit: Hit<V>,
    pub(crate) source: Source,
    version: Version,
}

/// Which of the values of its key a store held.
#[derive(Clone, Copy, Debug)]
enum Version {
    /// What Redis knows it by.
    Redis(StateId),
    /// How old it was.
    Memory(u64),
}

impl<V> Found<V> {
    fn in_memory(hit: Hit<V>) -> Self {
        Found { version: Version::Memory(hit.age_ms), hit, source: Source::Memory }
    }

    fn in_redis(hit: Hit<V>, state: StateId) -> Self {
        Found { hit, source: Source::Redis, version: Version::Redis(state) }
    }

    fn origin(&self) -> Origin {
        let stale = self.hit.stale_for_ms().is_some();
        Origin { source: self.source, age: Duration::from_millis(self.hit.age_ms), stale }
    }
}

/// A value on its way to those who waited for it.
struct Passed<V> {
    value: V,
    origin: Origin,
}

/// What a caller wants of a call beyond its value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Demands {
    /// A value that is older is as good as none.
    pub(crate) max_age: Option<Duration>,
    /// The call has been chosen to load anew the fresh value that it has found in memory.
    pub(crate) early: bool,
    /// The body can be had for a task of its own.
    pub(crate) background: bool,
}

/// One call on its way to a value.
pub(crate) struct Call<K: OutputKind> {
    pub(crate) core: Arc<Core>,
    pub(crate) counters: Arc<SiteCounters>,
    pub(crate) key: Arc<CallKey>,
    pub(crate) policy: Policy<K::Value>,
    pub(crate) share: Option<ShareError<K::Error>>,
    pub(crate) stores: Stores,
    pub(crate) demands: Demands,
}

impl<K> Call<K>
where
    K: OutputKind,
    K::Value: CacheValue,
{
    /// The value: another caller's, a store's, or the body's.
    ///
    /// Cancel safe: if this is dropped while it leads a load, a waiting caller takes over.
    pub(crate) async fn run<F>(&self, body: Pin<&mut F>) -> Served<K>
    where
        F: Future<Output = K::Output>,
    {
        // The output may not be `Send`: it must not be held where this waits.
        let loading = match self.look().await {
            Step::Done(served) => return served,
            Step::Load(loading) => loading,
            // There is no other body to run aside.
            Step::Aside(aside) => return Served::found(aside.found),
        };
        self.load(loading, body).await
    }

    /// Runs the body, and does with its value what is to be done.
    pub(crate) async fn load<F>(&self, loading: Loading<K::Value>, body: Pin<&mut F>) -> Served<K>
    where
        F: Future<Output = K::Output>,
    {
        let Loading { leader, into, instead } = loading;
        match (into, &self.core.redis) {
            (Into::Nothing, _) => Served { output: body.await, origin: Origin::new(Source::Load) },
            (Into::Place(found), _) => match boxed(|| self.put_in_place_of(found.version)).await {
                Some(put) => {
                    boxed(|| self.replace(leader, put, body, Some(found), Overtaken::Stays)).await
                }
                None => self.served(found),
            },
            (Into::Redis(leftover), Some(redis)) => {
                boxed(|| self.load_into_redis(redis, leader, &leftover, body, instead)).await
            }
            (Into::Outage, Some(redis)) => {
                boxed(|| self.load_without_redis(redis, leader, body, instead)).await
            }
            (Into::Memory | Into::Redis(_) | Into::Outage, _) => {
                self.load_into_memory(leader, body, None, instead).await
            }
        }
    }

    /// Runs the body and keeps its value in memory, for at most `limit` where there is one.
    async fn load_into_memory<F>(
        &self,
        leader: Leader<CallKey>,
        body: Pin<&mut F>,
        limit: Option<Duration>,
        instead: Option<Found<K::Value>>,
    ) -> Served<K>
    where
        F: Future<Output = K::Output>,
    {
        let (parts, took) = self.body(&leader, body).await;
        match parts {
            Ok(value) => {
                self.store_in_memory(&leader.noted(), &value, took, limit);
                leader.seal();
                self.land(leader, &value);
                Served::new(Ok(value), Source::Load)
            }
            Err(error) => self.fail(leader, error, instead),
        }
    }

    /// Runs the body, counted and timed.
    async fn body<F>(
        &self,
        leader: &Leader<CallKey>,
        body: Pin<&mut F>,
    ) -> (Result<K::Value, K::Error>, Duration)
    where
        F: Future<Output = K::Output> + ?Sized,
    {
        leader.body_begins();
        let began = Instant::now();
        let span = debug_span!("cache_load", name = self.key.name().as_str());
        let parts = K::split(recursion::inside(&self.key, body).instrument(span).await);
        let took = began.elapsed();
        self.counters.slow.loads.one();
        self.counters.slow.load_micros.add(micros(took));
        if parts.is_err() {
            self.counters.slow.load_errors.one();
        }
        (parts, took)
    }

    /// Ends a load that has failed: with a value of before, if there is one.
    ///
    /// Those who waited look for that value themselves, since it may have been invalidated since
    /// it was read; nobody loads again so soon.
    fn fail(
        &self,
        leader: Leader<CallKey>,
        error: K::Error,
        instead: Option<Found<K::Value>>,
    ) -> Served<K> {
        let Some(found) = instead else {
            let error = match self.share.filter(|_| leader.awaited()) {
                Some(share) => {
                    let (shared, error) = (share.put)(error);
                    leader.land(|| Outcome::Error(shared));
                    error
                }
                None => {
                    leader.land(|| Outcome::Failed);
                    error
                }
            };
            return Served::new(Err(error), Source::Load);
        };
        let pauses = self.note_failure();
        tracing::warn!(
            name = self.key.name().as_str(),
            "a load failed; the value of before is served"
        );
        // Without the pause they would load one after another.
        leader.land(|| if pauses { Outcome::Outdated(None) } else { Outcome::Failed });
        self.count_stale(&found.hit);
        Served::found(found)
    }

    /// Ends a load whose value is valid for everybody who waits.
    fn land(&self, leader: Leader<CallKey>, value: &K::Value) {
        leader.land(|| Outcome::Value(self.passed(value)));
    }

    fn passed(&self, value: &K::Value) -> Arc<Passed<K::Value>> {
        Arc::new(Passed { value: value.clone(), origin: Origin::new(Source::Shared) })
    }

    fn store_in_memory(
        &self,
        noted: &Noted,
        value: &K::Value,
        took: Duration,
        limit: Option<Duration>,
    ) {
        let Some(ttl) = self.policy.life(value) else {
            return;
        };
        let ttl = match limit {
            Some(limit) => Ttl::For(ttl.duration().map_or(limit, |ttl| ttl.min(limit))),
            None => ttl,
        };
        let core = &self.core;
        let _no_sweep = core.generations.storing();
        if !core.generations.storable(noted) {
            return self.counters.slow.refused.one();
        }
        let load_micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        let (now_ms, stamps) = (core.clock.now_ms(), noted.stamps.clone());
        let facts = Facts::new(self.key.origin, now_ms, fresh_for_ms(ttl), stamps);
        match core.memory.insert(self.key.memory.clone(), facts, load_micros, value.clone()) {
            Ok(()) => self.counters.slow.stores.one(),
            Err(_) => self.counters.slow.not_stored.one(),
        }
    }

    /// Counts a value that a store has answered with.
    pub(crate) fn count_hit(&self, hit: &Hit<K::Value>, source: Source) {
        match source {
            Source::Redis => {
                self.counters.slow.redis_hits.one();
                self.counters.slow.saved_micros.add(hit.load_micros);
            }
            _ => self.counters.memory_hit(hit.load_micros),
        }
        self.count_stale(hit);
    }

    fn count_stale(&self, hit: &Hit<K::Value>) {
        if hit.stale_for_ms().is_some() {
            self.counters.slow.stale_served.one();
        }
    }

    /// Whether the next load of this key waits for a while.
    fn note_failure(&self) -> bool {
        self.core.background.note_failure(&self.key, self.core.clock.now_ms())
    }

    /// Waits for a flight; `None` at the wait limit.
    async fn wait(&self, follower: &Follower) -> Option<Outcome> {
        if runtime::with_timers().is_none() {
            // Without timers there is no limit to the wait.
            return Some(follower.outcome().await);
        }
        let limit = self.core.config.wait_limit.max(self.counters.mean_load() * 4);
        timeout(limit, follower.outcome()).await.ok()
    }

    /// A flight's outcome as this call's output, where it can be one.
    fn shared_output(&self, outcome: &Outcome) -> Option<Served<K>> {
        let (parts, origin) = match outcome {
            Outcome::Value(passed) => {
                let Passed { value, origin } = passed.downcast_ref::<Passed<K::Value>>()?;
                if self.demands.max_age.is_some_and(|max_age| origin.age >= max_age) {
                    return None;
                }
                (Ok(value.clone()), *origin)
            }
            Outcome::Error(error) => {
                (Err((self.share?.take)(&**error)?), Origin::new(Source::Shared))
            }
            Outcome::Failed | Outcome::Outdated(_) | Outcome::Abandoned => return None,
        };
        self.counters.slow.coalesced.one();
        self.counters.slow.misses.one();
        if origin.stale {
            self.counters.slow.stale_served.one();
        }
        Some(Served { output: K::join(parts), origin })
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
