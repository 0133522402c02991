//! The flow of a call that was not answered from memory at once.
//!
//! ```text
//! join or open a flight -- follower --> the leader's value
//!         | leader
//! Redis read, one round trip -- fresh --> followers, return
//!         | miss
//! mark and tokens -> body -> compare-and-set fill, memory store -> followers, return
//! ```
//!
//! Nothing here fails the caller: whatever happens to the cache, the body runs.

mod acting;
mod key;
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

pub(crate) use key::{CallKey, named};
pub(crate) use policy::{Policy, fresh_for_ms, life_of};
pub(crate) use reading::{Leftover, Reading};
pub(crate) use redis_load::Making;
pub(crate) use validity::{Present, Verdict, hit, judge};

use crate::config::Ttl;
use crate::core::Core;
use crate::flight::{Follower, Leader, Outcome, Role};
use crate::generation::Noted;
use crate::memory::{Facts, Hit};
use crate::output::{CacheValue, OutputKind, ShareError};
use crate::runtime;
use crate::stats::SiteCounters;

/// The least time a caller waits for another's load before one of them loads too.
const LEAST_WAIT: Duration = Duration::from_secs(10);

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

/// An output, where it came from, and how long ago it was stored.
pub(crate) struct Served<K: OutputKind> {
    pub(crate) output: K::Output,
    pub(crate) source: Source,
    pub(crate) age: Duration,
}

impl<K: OutputKind> Served<K> {
    fn new(parts: Result<K::Value, K::Error>, source: Source) -> Self {
        Served { output: K::join(parts), source, age: Duration::ZERO }
    }

    pub(crate) fn hit(hit: Hit<K::Value>, source: Source) -> Self {
        Served { age: Duration::from_millis(hit.age_ms), ..Served::new(Ok(hit.value), source) }
    }
}

/// One call on its way to a value.
pub(crate) struct Call<'a, K: OutputKind> {
    pub(crate) core: &'a Core,
    pub(crate) counters: &'a SiteCounters,
    pub(crate) key: Arc<CallKey>,
    pub(crate) policy: Policy<K::Value>,
    pub(crate) share: Option<ShareError<K::Error>>,
    /// Memory is the store, Redis or not.
    pub(crate) in_memory: bool,
}

impl<K> Call<'_, K>
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
        if recursion::is_inside(&self.key) {
            return Served { output: body.await, source: Source::Load, age: Duration::ZERO };
        }
        let asked = self.core.flights.ticket();
        loop {
            let (core, key) = (self.core, &self.key);
            let follower = match core.flights.join(key, asked, &core.generations, &key.slots) {
                Role::Lead(leader) => return self.lead(leader, body).await,
                Role::Follow(follower) => follower,
            };
            match self.wait(&follower).await {
                Some(outcome @ (Outcome::Value(_) | Outcome::Error(_))) => {
                    match self.shared_output(&outcome) {
                        Some(output) => return output,
                        // Of another type, by hand under the same name: as good as none.
                        None => break,
                    }
                }
                Some(Outcome::Failed) => break,
                Some(Outcome::Outdated(_) | Outcome::Abandoned) => {}
                // The first to reach the wait limit leads the next flight, the others join it.
                None => core.flights.give_up(key, &follower),
            }
        }
        let leader = Leader::alone(&self.core.generations, &self.key.slots);
        self.lead(leader, body).await
    }

    async fn lead<F>(&self, mut leader: Leader<CallKey>, body: Pin<&mut F>) -> Served<K>
    where
        F: Future<Output = K::Output>,
    {
        if let Some(predecessor) = leader.predecessor() {
            match self.wait(&predecessor).await {
                Some(outcome) => {
                    if let Some(output) = self.shared_output(&outcome) {
                        leader.pass_on(&predecessor, outcome);
                        return output;
                    }
                }
                None => leader.overtake(&predecessor),
            }
        }
        // Since this caller looked, a flight may have landed.
        if self.in_memory
            && let Some(hit) = self.hit_in_memory()
        {
            leader.seal();
            return self.serve(leader, hit, Source::Memory);
        }
        match &self.core.redis {
            Some(redis) if !self.in_memory => self.lead_with_redis(redis, leader, body).await,
            _ => {
                self.counters.slow.misses.one();
                self.load_into_memory(leader, body, None).await
            }
        }
    }

    /// Runs the body and keeps its value in memory, for at most `limit` where there is one.
    async fn load_into_memory<F>(
        &self,
        leader: Leader<CallKey>,
        body: Pin<&mut F>,
        limit: Option<Duration>,
    ) -> Served<K>
    where
        F: Future<Output = K::Output>,
    {
        let (parts, took) = self.load(&leader, body).await;
        match parts {
            Ok(value) => {
                self.store_in_memory(&leader.noted(), &value, took, limit);
                leader.seal();
                leader.land(|| Outcome::Value(Arc::new(value.clone())));
                Served::new(Ok(value), Source::Load)
            }
            Err(error) => self.fail(leader, error),
        }
    }

    /// Runs the body, counted and timed.
    async fn load<F>(
        &self,
        leader: &Leader<CallKey>,
        body: Pin<&mut F>,
    ) -> (Result<K::Value, K::Error>, Duration)
    where
        F: Future<Output = K::Output>,
    {
        leader.body_begins();
        let began = Instant::now();
        let span = debug_span!("cache_load", name = self.key.name.as_str());
        let parts = K::split(recursion::inside(&self.key, body).instrument(span).await);
        let took = began.elapsed();
        self.counters.slow.loads.one();
        self.counters.slow.load_micros.add(micros(took));
        if parts.is_err() {
            self.counters.slow.load_errors.one();
        }
        (parts, took)
    }

    fn fail(&self, leader: Leader<CallKey>, error: K::Error) -> Served<K> {
        leader.land(|| match self.share {
            Some(share) => Outcome::Error((share.put)(&error)),
            None => Outcome::Failed,
        });
        Served::new(Err(error), Source::Load)
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
        let core = self.core;
        if !core.generations.storable(noted) {
            return self.counters.slow.refused.one();
        }
        let load_micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        let facts = Facts {
            origin: self.key.origin,
            created_ms: core.clock.now_ms(),
            fresh_for_ms: fresh_for_ms(ttl),
            stamps: noted.stamps.clone(),
        };
        match core.memory.insert(self.key.memory.clone(), facts, load_micros, value.clone()) {
            Ok(()) => self.counters.slow.stores.one(),
            Err(_) => self.counters.slow.not_stored.one(),
        }
        // A sweep that began meanwhile may have passed before the entry was there.
        if !core.generations.storable(noted) {
            core.generations.bump(self.key.slots[0]);
        }
    }

    /// A fresh value in memory, counted as a hit.
    pub(crate) fn hit_in_memory(&self) -> Option<Hit<K::Value>> {
        let hit = self.core.value_in_memory(&self.key)?;
        self.counters.memory_hit(hit.load_micros);
        Some(hit)
    }

    fn serve(&self, leader: Leader<CallKey>, hit: Hit<K::Value>, source: Source) -> Served<K> {
        leader.land(|| Outcome::Value(Arc::new(hit.value.clone())));
        Served::hit(hit, source)
    }

    /// Waits for a flight; `None` at the wait limit.
    async fn wait(&self, follower: &Follower) -> Option<Outcome> {
        if runtime::with_timers().is_none() {
            // Without timers there is no limit to the wait.
            return Some(follower.outcome().await);
        }
        let limit = LEAST_WAIT.max(self.counters.mean_load() * 4);
        timeout(limit, follower.outcome()).await.ok()
    }

    /// A flight's outcome as this call's output, where it can be one.
    fn shared_output(&self, outcome: &Outcome) -> Option<Served<K>> {
        let parts = match outcome {
            Outcome::Value(value) => Ok(value.downcast_ref::<K::Value>()?.clone()),
            Outcome::Error(error) => Err((self.share?.take)(&**error)?),
            Outcome::Failed | Outcome::Outdated(_) | Outcome::Abandoned => return None,
        };
        self.counters.slow.coalesced.one();
        self.counters.slow.misses.one();
        Some(Served::new(parts, Source::Shared))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
