//! Measures the time that an outage of Redis adds to a call, with the server killed and with the server
//! frozen.
//!
//! Each call has a key of its own, so each one would go to Redis, and each body is run.

use std::future::Future;
use std::time::{Duration, Instant};

use cache_benches::redis::Failure;
use cache_benches::redis::peer::{cached_store, hitbox_store};
use cache_benches::redis::series::publish_figures;
use cache_benches::{Figure, is_full, median};
use cache_runtime::{CacheConfig, CacheManager, Mode, cached, with};
use cache_tests::RedisServer;
use tokio::runtime::Runtime;
use tokio::time::timeout;

const BENCHMARK: &str = "outage";
/// Calls during one outage.
const CALLS: u64 = 20_000;
/// An operation may take so long: the default.
const DEADLINE: Duration = Duration::from_millis(250);
/// A call that takes longer has noticed the outage.
const SLOW: Duration = Duration::from_millis(5);
/// A peer makes this many calls during an outage.
const CALLS_OF_A_PEER: u64 = 20;

#[cached(ttl = "5m", key_prefix = "outage")]
async fn value(id: u64) -> u64 {
    plain(id).await
}

async fn plain(id: u64) -> u64 {
    tokio::task::yield_now().await;
    id
}

fn main() -> Result<(), Failure> {
    let runtime = Runtime::new()?;
    for (mode, name) in [(Mode::Redis, "redis"), (Mode::Tiered, "tiered")] {
        for what in [Outage::Killed, Outage::Frozen] {
            let calls = runtime.block_on(ours(mode, what))?;
            calls.publish(&format!("outage, {name}, {}", what.name()));
        }
    }
    runtime.block_on(peers())
}

#[derive(Clone, Copy)]
enum Outage {
    Killed,
    Frozen,
}

impl Outage {
    fn name(self) -> &'static str {
        match self {
            Outage::Killed => "killed",
            Outage::Frozen => "frozen",
        }
    }

    fn begin(self, server: &RedisServer) {
        match self {
            Outage::Killed => server.kill(),
            Outage::Frozen => server.pause(),
        }
    }
}

/// The calls of one outage.
struct Calls {
    times: Vec<Duration>,
    /// The durations of the same body without a cache.
    bare: Vec<Duration>,
}

/// Measures calls while Redis is unavailable.
async fn ours(mode: Mode, what: Outage) -> Result<Calls, Failure> {
    let server = RedisServer::start();
    let config = CacheConfig::default().mode(mode).redis_url(server.url()).redis_timeout(DEADLINE);
    let manager = CacheManager::connect(config).await?;
    with(&manager, timed(0..100, value)).await;
    what.begin(&server);
    let times = with(&manager, timed(1_000..1_000 + CALLS, value)).await;
    Ok(Calls { times, bare: timed(0..CALLS, plain).await })
}

impl Calls {
    fn publish(&self, group: &str) {
        let slowest = self.times.iter().max().copied().unwrap_or_default();
        assert!(slowest < DEADLINE * 2, "{group}: a call took {slowest:?}");
        let slow = self.times.iter().filter(|time| **time > SLOW).count();
        // The first calls of an outage are those that notice it.
        let settled = &self.times[self.times.len() / 2..];
        publish_figures(
            BENCHMARK,
            &[
                figure(group, "slowest call", nanos(slowest), "ns"),
                figure(group, "median", middle(settled), "ns"),
                figure(group, "without cache", middle(&self.bare), "ns"),
                figure(group, "calls over 5 ms", slow as f64, "calls"),
            ],
        );
    }
}

/// Returns the duration of each call, one after another.
async fn timed<F: Future<Output = u64>>(
    ids: impl Iterator<Item = u64>,
    call: impl Fn(u64) -> F,
) -> Vec<Duration> {
    let mut times = Vec::new();
    for id in ids {
        let began = Instant::now();
        assert_eq!(call(id).await, id);
        times.push(began.elapsed());
    }
    times
}

/// Measures calls of the peers while the server is dead.
async fn peers() -> Result<(), Failure> {
    let server = RedisServer::start();
    cached_store::at(&server.url());
    let hitbox = hitbox_store::at(&server.url())?;
    for id in 0..10 {
        cached_store::value(id).await.map_err(|error| error.0)?;
        hitbox_store::value_from(&hitbox, id).await?;
    }
    server.kill();
    dead("cached", cached_store::value).await;
    dead("hitbox", |id| hitbox_store::value_from(&hitbox, id)).await;
    Ok(())
}

/// Calls of a peer whose server is dead. All of them together are given up on after a while.
async fn dead<T, E, F>(peer: &str, call: impl Fn(u64) -> F)
where
    F: Future<Output = Result<T, E>>,
{
    let patience = Duration::from_secs(if is_full() { 30 } else { 1 });
    let (mut times, mut failed, began) = (Vec::new(), 0_u32, Instant::now());
    for id in 1_000..1_000 + CALLS_OF_A_PEER {
        let Some(left) = patience.checked_sub(began.elapsed()) else { break };
        let called = Instant::now();
        let answer = timeout(left, call(id)).await;
        times.push(called.elapsed());
        failed += u32::from(!matches!(answer, Ok(Ok(_))));
    }
    let group = format!("peer without Redis, {peer}, killed");
    let slowest = times.iter().max().copied().unwrap_or_default();
    publish_figures(
        BENCHMARK,
        &[
            figure(&group, "slowest call", nanos(slowest), "ns"),
            figure(&group, "median", middle(&times), "ns"),
            figure(&group, "calls", times.len() as f64, "calls"),
            figure(&group, "calls that failed", failed.into(), "calls"),
        ],
    );
}

fn figure(group: &str, name: &str, value: f64, unit: &str) -> Figure {
    Figure { group: group.into(), name: name.into(), value, unit: unit.into(), ratio: None }
}

fn middle(times: &[Duration]) -> f64 {
    median(times.iter().copied().map(nanos).collect())
}

fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}
