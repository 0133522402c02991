//! Compares numbers of connections: with small values alone, and together with large ones, which share
//! the server and the machine and should not delay small ones.

use std::time::{Duration, Instant};

use cache_benches::redis::series::publish_figures;
use cache_benches::redis::{Cursor, Failure, LARGE, SMALL, Wire};
use cache_benches::{Figure, is_full, median, quantile};
use cache_runtime::{CacheConfig, CacheManager, Error, Mode, cache_put, cached, with};
use cache_tests::RedisServer;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The numbers of connections that are compared.
const CONNECTIONS: [u16; 3] = [1, 2, 4];
/// The number of tasks that call at once.
const TASKS: usize = 64;
/// The number of these tasks that request large values, if there are any.
const LARGE_TASKS: usize = 8;
/// The bytes per second that a slow network transmits: 64 KiB in 2 ms.
const SLOW: f64 = 32e6;
/// There each task for small values waits for this long after each.
const PAUSE: Duration = Duration::from_millis(5);
/// So often all tasks for large values call at once: that is less than half of what passes.
const BURST: Duration = Duration::from_millis(50);
/// A machine with other things to do is no outage.
const PATIENCE: Duration = Duration::from_secs(10);

/// The load that runs at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    /// Hits of small values alone, as fast as can be.
    Small,
    /// The same beside hits and puts of large values.
    All,
    /// Hits of small values alone, through a slow network.
    Slow,
    /// The same beside bursts of hits of large values.
    Reads,
    /// The same beside bursts of puts of large values.
    Writes,
}

impl Load {
    const ALL: [Load; 5] = [Load::Small, Load::All, Load::Slow, Load::Reads, Load::Writes];

    fn title(self) -> &'static str {
        match self {
            Load::Small => "loopback, small alone",
            Load::All => "loopback, beside 64 KiB",
            Load::Slow => "slow network, small alone",
            Load::Reads => "slow network, beside reads of 64 KiB",
            Load::Writes => "slow network, beside writes of 64 KiB",
        }
    }

    fn has_large(self) -> bool {
        !matches!(self, Load::Small | Load::Slow)
    }

    fn is_slow(self) -> bool {
        !matches!(self, Load::Small | Load::All)
    }

    /// Returns whether this task writes.
    fn is_written(self, task: usize) -> bool {
        self == Load::Writes || self == Load::All && task % 2 == 1
    }
}

#[cached(ttl = "1h", key_prefix = "small")]
async fn small(_id: u64) -> String {
    SMALL.value()
}

#[cached(ttl = "1h", key_prefix = "large")]
async fn large(_id: u64) -> String {
    LARGE.value()
}

#[cache_put(entry = large(_id))]
async fn put(_id: u64) -> String {
    LARGE.value()
}

fn main() -> Result<(), Failure> {
    let runtime = Runtime::new()?;
    runtime.block_on(run())
}

async fn run() -> Result<(), Failure> {
    let server = RedisServer::start();
    let wire = Wire::to(server.port(), SLOW)?;
    let (fast, slow) = (connect(&server.url()).await?, connect(&wire.url()).await?);
    for id in 0..SMALL.keys {
        with(&fast[0], small(id)).await;
    }
    for id in 0..LARGE.keys {
        with(&fast[0], large(id)).await;
    }
    let loads = fast[0].stats().total.loads;
    for load in Load::ALL {
        let managers = if load.is_slow() { &slow } else { &fast };
        let mut turns: Vec<Vec<Turn>> = CONNECTIONS.iter().map(|_| Vec::new()).collect();
        let rounds = if is_full() { 15 } else { 1 };
        for round in 0..rounds {
            for place in 0..managers.len() {
                let number = (place + round) % managers.len();
                turns[number].push(Turn::make(&managers[number], load).await);
            }
        }
        for (number, connections) in CONNECTIONS.iter().enumerate() {
            publish(load, *connections, &turns[number], &turns[0]);
        }
    }
    let all: u64 = fast.iter().chain(&slow).map(|manager| manager.stats().total.loads).sum();
    if all != loads {
        return Err(format!("{} values were not in Redis", all - loads).into());
    }
    Ok(())
}

/// A cache for each number of connections.
async fn connect(url: &str) -> Result<Vec<CacheManager>, Error> {
    let mut managers = Vec::new();
    for connections in CONNECTIONS {
        let config = CacheConfig::default()
            .mode(Mode::Redis)
            .redis_url(url)
            .require_redis(true)
            .redis_timeout(PATIENCE)
            .redis_pool_max_connections(connections);
        managers.push(CacheManager::connect(config).await?);
    }
    Ok(managers)
}

/// The durations of the calls of a turn, in nanoseconds.
#[derive(Debug, Default)]
struct Turn {
    small: Vec<f64>,
    large: Vec<f64>,
    took: Duration,
}

impl Turn {
    async fn make(manager: &CacheManager, load: Load) -> Turn {
        let length = Duration::from_millis(if is_full() { 500 } else { 20 });
        let began = Instant::now();
        let (smalls, larges) = (Cursor::new(SMALL.keys), Cursor::new(LARGE.keys));
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let (manager, is_large) = (manager.clone(), load.has_large() && task < LARGE_TASKS);
            let ids = if is_large { larges.clone() } else { smalls.clone() };
            tasks.spawn(async move {
                let mut times = Vec::new();
                while began.elapsed() < length {
                    let (id, called) = (ids.next(), Instant::now());
                    let value = match is_large {
                        false => with(&manager, small(id)).await,
                        true if load.is_written(task) => with(&manager, put(id)).await,
                        true => with(&manager, large(id)).await,
                    };
                    times.push(called.elapsed().as_secs_f64() * 1e9);
                    assert_eq!(value.len(), if is_large { LARGE.bytes } else { SMALL.bytes });
                    match load.is_slow() {
                        true if is_large => sleep(left_of(BURST, began)).await,
                        true => sleep(PAUSE).await,
                        false => {}
                    }
                }
                (is_large, times)
            });
        }
        let mut turn = Turn::default();
        while let Some(ended) = tasks.join_next().await {
            let (is_large, times) = ended.expect("a task that ends");
            if is_large { &mut turn.large } else { &mut turn.small }.extend(times);
        }
        turn.took = began.elapsed();
        turn
    }

    fn per_second(&self, times: &[f64]) -> f64 {
        times.len() as f64 / self.took.as_secs_f64()
    }
}

/// Returns the time until the next multiple of the period.
fn left_of(period: Duration, began: Instant) -> Duration {
    let nanos = began.elapsed().as_nanos() % period.as_nanos();
    period - Duration::from_nanos(nanos as u64)
}

/// The medians of the turns, and of their ratios to those with one connection.
fn publish(load: Load, connections: u16, turns: &[Turn], base: &[Turn]) {
    type Of = fn(&Turn) -> f64;
    let small: [(&str, &str, Of); 3] = [
        ("small values", "per s", |turn| turn.per_second(&turn.small)),
        ("p50", "ns", |turn| quantile(&turn.small, 0.5)),
        ("p99", "ns", |turn| quantile(&turn.small, 0.99)),
    ];
    let large: [(&str, &str, Of); 3] = [
        ("large values", "per s", |turn| turn.per_second(&turn.large)),
        ("p50 of large", "ns", |turn| quantile(&turn.large, 0.5)),
        ("p99 of large", "ns", |turn| quantile(&turn.large, 0.99)),
    ];
    let large = large.iter().filter(|_| load.has_large());
    let group = format!("connections, {}, {connections}", load.title());
    let figure = |(name, unit, of): &(&str, &str, Of)| {
        let ratios = turns.iter().zip(base).map(|(turn, base)| of(turn) / of(base));
        Figure {
            ratio: Some(median(ratios.collect())),
            ..Figure::new(&group, name, median(turns.iter().map(of).collect()).round(), unit)
        }
    };
    let figures: Vec<_> = small.iter().chain(large).map(figure).collect();
    publish_figures("connections", &figures);
}
