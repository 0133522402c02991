//! Redis Cluster beside one server, and what callers notice of a failover: under sentinels, and in a
//! cluster.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use cache_benches::redis::series::publish_figures;
use cache_benches::redis::{Cursor, Failure, Group, Ids, SMALL, ours};
use cache_benches::{Effort, Figure, is_full, median};
use cache_runtime::{CacheConfig, CacheManager, EventKind, Mode, cached, with};
use cache_tests::{RedisCluster, RedisServer, Sentinels};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::sleep;

const BENCHMARK: &str = "cluster";
const FAILOVERS: usize = 5;
/// The number of tasks that call while a master fails, and the number of values that they request.
const CALLERS: u64 = 16;
const VALUES: u64 = 200;
/// The pause of a caller after each call.
const PAUSE: Duration = Duration::from_millis(5);
/// The duration of a load.
const LOAD: Duration = Duration::from_millis(2);
/// After how long a silent server counts as down: for sentinels, and for a cluster.
const DOWN_AFTER: Duration = Duration::from_millis(500);
const NODE_TIMEOUT: Duration = Duration::from_millis(1_000);
/// Nothing is missed any more when nothing was for this long.
const CALM: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Failure> {
    let runtime = Runtime::new()?;
    hits(&runtime)?;
    runtime.block_on(failovers())
}

/// Hits on a cluster of six processes, three of them masters, and on one server.
fn hits(runtime: &Runtime) -> Result<(), Failure> {
    let (server, cluster) = (RedisServer::start(), RedisCluster::start());
    let connect = |url| runtime.block_on(ours::connect(url, &[SMALL]));
    let contenders =
        [("one server", connect(&server.url())?), ("three masters", connect(&cluster.url())?)];
    // They go on from group to group: where the last one has ended a few values might still be in memory.
    let cursors = contenders.each_ref().map(|_| Cursor::new(SMALL.keys));
    for tasks in [1, 64] {
        let effort = Effort::full(12, if tasks == 1 { 2_000 } else { 16_000 });
        for mode in ["mode redis", "tiered"] {
            let mut group = Group::new(runtime, tasks, effort);
            for ((name, manager), cursor) in contenders.iter().zip(&cursors) {
                let ask = move |ids: Ids| {
                    let (manager, is_tiered) = (manager.clone(), mode == "tiered");
                    async move {
                        match is_tiered {
                            true => with(&manager, ours::ask_tiered(SMALL, ids)).await,
                            false => with(&manager, ours::ask_redis(ids)).await,
                        }
                    }
                };
                group = group.with(name, cursor, ask);
            }
            let plural = if tasks == 1 { "" } else { "s" };
            let title = format!("hit on a cluster, {mode}, {tasks} task{plural}");
            group.compare(BENCHMARK, &title, &format!("hit on a cluster, {mode}, p50"));
        }
    }
    for (name, manager) in contenders {
        let total = manager.stats().total;
        if total.memory_hits + total.loads > 0 {
            return Err(format!("not all calls were answered by {name}:\n{total:?}").into());
        }
    }
    Ok(())
}

/// Masters that can be killed, of which another server takes the place.
enum Place {
    Sentinels(Sentinels),
    Cluster(RedisCluster),
}

impl Place {
    const ALL: [fn() -> Self; 2] = [
        || Place::Sentinels(Sentinels::builder().down_after(DOWN_AFTER).start()),
        || Place::Cluster(RedisCluster::builder().node_timeout(NODE_TIMEOUT).start()),
    ];

    fn name(&self) -> &'static str {
        match self {
            Place::Sentinels(_) => "Sentinel",
            Place::Cluster(_) => "cluster",
        }
    }

    fn url(&self) -> String {
        match self {
            Place::Sentinels(sentinels) => sentinels.url(),
            Place::Cluster(cluster) => cluster.url(),
        }
    }

    /// In a cluster each of its masters has its turn: one of them has the token that all depends on.
    fn kill(&self, turn: usize) {
        match self {
            Place::Sentinels(sentinels) => sentinels.servers()[sentinels.master()].kill(),
            Place::Cluster(cluster) => cluster.nodes()[turn % 3].kill(),
        }
    }
}

/// Failovers of both kinds, with callers in both modes.
async fn failovers() -> Result<(), Failure> {
    for start in Place::ALL {
        let (mut name, mut seen) = ("", [Vec::new(), Vec::new()]);
        for turn in 0..if is_full() { FAILOVERS } else { 1 } {
            let place = start();
            name = place.name();
            let redis = Callers::start(Mode::Redis, &place.url()).await?;
            let tiered = Callers::start(Mode::Tiered, &place.url()).await?;
            sleep(CALM).await;
            for callers in [&redis, &tiered] {
                callers.book.begin();
            }
            let killed = (Instant::now(), SystemTime::now());
            place.kill(turn);
            for (callers, seen) in [redis, tiered].into_iter().zip(&mut seen) {
                seen.push(callers.outlast(killed).await?);
            }
        }
        for (mode, seen) in ["mode redis", "tiered"].into_iter().zip(seen) {
            publish(&format!("failover, {name}, {mode}"), &seen);
        }
    }
    Ok(())
}

/// The record of the calls and loads.
#[derive(Debug, Default)]
struct Book {
    is_over: AtomicBool,
    /// The number of calls, and the duration of the slowest in nanoseconds.
    calls: AtomicU64,
    slowest: AtomicU64,
    /// Calls that were answered with something else than the value.
    wrong: AtomicU64,
    loads: AtomicU64,
    last_load: Mutex<Option<Instant>>,
}

impl Book {
    /// All of it counts from now on.
    fn begin(&self) {
        for number in [&self.calls, &self.slowest, &self.wrong, &self.loads] {
            number.store(0, Ordering::Relaxed);
        }
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last_load.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(number: &AtomicU64) -> f64 {
        number.load(Ordering::Relaxed) as f64
    }
}

#[cached(ttl = "1h", key_prefix = "watched", key = "{id}")]
async fn watched(book: &Book, id: u64) -> u64 {
    book.loads.fetch_add(1, Ordering::Relaxed);
    *book.lock() = Some(Instant::now());
    sleep(LOAD).await;
    id
}

/// Tasks that call while something happens to Redis.
struct Callers {
    manager: CacheManager,
    book: Arc<Book>,
    tasks: JoinSet<()>,
}

/// The results of the callers during a failover.
struct Seen {
    calls: f64,
    failed: f64,
    slowest: f64,
    back_after: f64,
    missed_for: f64,
    loads: f64,
}

impl Callers {
    /// All values are in Redis when this returns.
    async fn start(mode: Mode, url: &str) -> Result<Self, Failure> {
        let namespace = if mode == Mode::Redis { "redis" } else { "tiered" };
        let config = CacheConfig::default()
            .mode(mode)
            .redis_url(url)
            .namespace(namespace)
            .require_redis(true);
        let manager = CacheManager::connect(config).await?;
        let book = Arc::new(Book::default());
        for id in 0..VALUES {
            with(&manager, watched(&book, id)).await;
        }
        let mut tasks = JoinSet::new();
        for caller in 0..CALLERS {
            let (manager, book) = (manager.clone(), Arc::clone(&book));
            tasks.spawn(async move {
                // Together they request all values within a moment.
                for turn in caller * VALUES / CALLERS.. {
                    if book.is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let (id, called) = (turn % VALUES, Instant::now());
                    let is_wrong = with(&manager, watched(&book, id)).await != id;
                    let took = called.elapsed().as_nanos() as u64;
                    book.slowest.fetch_max(took, Ordering::Relaxed);
                    book.wrong.fetch_add(u64::from(is_wrong), Ordering::Relaxed);
                    book.calls.fetch_add(1, Ordering::Relaxed);
                    sleep(PAUSE).await;
                }
            });
        }
        Ok(Callers { manager, book, tasks })
    }

    /// Waits until Redis is used again, and nothing is missed any more.
    async fn outlast(mut self, killed: (Instant, SystemTime)) -> Result<Seen, Failure> {
        let (book, (at, by_clock)) = (&*self.book, killed);
        let is_calm = || book.lock().is_none_or(|last| last.elapsed() > CALM);
        while at.elapsed() < CALM || self.back_at(by_clock).is_none() || !is_calm() {
            if at.elapsed() > PATIENCE {
                return Err(format!("Redis is not used again:\n{}", self.manager.stats()).into());
            }
            sleep(Duration::from_millis(20)).await;
        }
        book.is_over.store(true, Ordering::Relaxed);
        let mut failed = Book::get(&book.wrong);
        while let Some(ended) = self.tasks.join_next().await {
            failed += f64::from(u8::from(ended.is_err()));
        }
        let back_at = self.back_at(by_clock).unwrap_or(by_clock);
        let last_load =
            book.lock().map_or(Duration::ZERO, |last| last.saturating_duration_since(at));
        Ok(Seen {
            calls: Book::get(&book.calls),
            failed,
            slowest: Book::get(&book.slowest),
            back_after: nanos(back_at.duration_since(by_clock)?),
            missed_for: nanos(last_load),
            loads: Book::get(&book.loads) / VALUES as f64,
        })
    }

    /// Returns the time at which Redis was used again, if it was.
    fn back_at(&self, killed: SystemTime) -> Option<SystemTime> {
        let mut after = self.manager.events(0).into_iter().filter(|event| event.at >= killed);
        let last = after
            .rfind(|it| matches!(it.what, EventKind::RedisBack | EventKind::RedisLost { .. }))?;
        (last.what == EventKind::RedisBack).then_some(last.at)
    }
}

fn publish(group: &str, seen: &[Seen]) {
    let all = |of: fn(&Seen) -> f64| seen.iter().map(of).collect::<Vec<_>>();
    let middle = |of| median(all(of));
    let sum = |of| all(of).into_iter().sum::<f64>();
    let worst = |of| all(of).into_iter().fold(0.0, f64::max);
    let figure = |name, value, unit| Figure::new(group, name, value, unit);
    publish_figures(
        BENCHMARK,
        &[
            figure("calls", sum(|seen| seen.calls), "calls"),
            figure("of them failed", sum(|seen| seen.failed), "calls"),
            figure("slowest call", worst(|seen| seen.slowest), "ns"),
            figure("Redis is used again after", middle(|seen| seen.back_after), "ns"),
            figure("back at worst", worst(|seen| seen.back_after), "ns"),
            figure("calls missed for", middle(|seen| seen.missed_for), "ns"),
            figure("missed at worst", worst(|seen| seen.missed_for), "ns"),
            figure("loads of a value", middle(|seen| seen.loads), "x"),
        ],
    );
}

fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}
