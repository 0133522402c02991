//! Hits in Redis: ours, its peers, and the bare clients.

use std::sync::Arc;

use cache_benches::Effort;
use cache_benches::redis::peer::{self, cached_store, fred_client, hitbox_store, multi_tier};
use cache_benches::redis::{Cursor, Failure, Group, LARGE, SIZES, SMALL, Size, ours, raw, spread};
use cache_tests::RedisServer;
use fred::clients::Client;
use redis::aio::MultiplexedConnection;
use tokio::runtime::Runtime;

const BENCHMARK: &str = "redis";
const GET: &str = "raw redis-rs, GET";
const OURS: &str = "cache-runtime";

/// The numbers of concurrent tasks.
const TASKS: [usize; 4] = [1, 16, 64, 256];
/// The numbers of tasks for the peers and for mode `redis`.
const TASKS_OF_ALL: [usize; 2] = [1, 64];

fn main() -> Result<(), Failure> {
    let server = RedisServer::start();
    let runtime = Runtime::new()?;
    let stores = runtime.block_on(Stores::start(&server.url()))?;
    for size in SIZES {
        let cursor = Cursor::new(size.keys);
        for tasks in TASKS {
            stores.tiered(&runtime, size, tasks, &cursor)?;
        }
    }
    for tasks in TASKS_OF_ALL {
        stores.mode_redis(&runtime, tasks)?;
    }
    stores.hot_keys(&runtime)?;
    stores.check()
}

/// All that is asked, filled.
struct Stores {
    raw: MultiplexedConnection,
    /// The value and the tokens that a hit in mode `redis` requests.
    of_mode_redis: Arc<[Vec<String>]>,
    fred: Client,
    hitbox: hitbox_store::Store,
    multi_tier: multi_tier::Store,
}

impl Stores {
    async fn start(url: &str) -> Result<Self, Failure> {
        let mut raw = raw::connect(url).await?;
        for size in SIZES {
            raw::fill(&mut raw, size).await?;
        }
        ours::start(url).await?;
        let of_mode_redis = raw::keys_of_hits(&mut raw).await?;
        cached_store::at(url);
        let hitbox = hitbox_store::at(url)?;
        let multi_tier = multi_tier::connect(url).await?;
        let (calls, all) = (SMALL.keys as usize, || Cursor::new(SMALL.keys));
        spread(64, calls, &all(), None, cached_store::ask).await;
        spread(64, calls, &all(), None, |ids| hitbox_store::ask(hitbox.clone(), ids)).await;
        spread(64, calls, &all(), None, |ids| multi_tier::ask(multi_tier.clone(), ids)).await;
        Ok(Stores {
            raw,
            of_mode_redis,
            fred: fred_client::connect(url).await?,
            hitbox,
            multi_tier,
        })
    }

    /// The least that a hit can cost: the bare client, which requests a value alone.
    fn get<'a>(&'a self, group: Group<'a>, size: Size, cursor: &Cursor) -> Group<'a> {
        let keys = raw::keys(size);
        group.with(GET, cursor, move |ids| raw::get(self.raw.clone(), keys.clone(), ids))
    }

    /// Hits in Redis that are misses in memory. The cursor of ours goes on from group to group: where
    /// the last one has ended a few values might still be in memory.
    fn tiered(
        &self,
        runtime: &Runtime,
        size: Size,
        tasks: usize,
        cursor: &Cursor,
    ) -> Result<(), Failure> {
        let all = || Cursor::new(size.keys);
        let keys = raw::keys(size);
        let mut group = self
            .get(Group::new(runtime, tasks, effort(size, tasks)), size, &all())
            .with(OURS, cursor, |ids| ours::ask_tiered(size, ids))
            .with("fred", &all(), |ids| fred_client::get(self.fred.clone(), keys.clone(), ids));
        if size == SMALL && TASKS_OF_ALL.contains(&tasks) {
            group = group
                .with("cached", &all(), cached_store::ask)
                .with("hitbox", &all(), |ids| hitbox_store::ask(self.hitbox.clone(), ids))
                .with("multi-tier-cache", &all(), |ids| {
                    multi_tier::ask(self.multi_tier.clone(), ids)
                });
        }
        let (title, of_medians) = titles("tiered", size, tasks);
        group.compare(BENCHMARK, &title, &of_medians);
        unshared()
    }

    /// Hits in mode `redis`, and the bare client that requests the same keys in one command.
    fn mode_redis(&self, runtime: &Runtime, tasks: usize) -> Result<(), Failure> {
        let all = || Cursor::new(SMALL.keys);
        let group = Group::new(runtime, tasks, effort(SMALL, tasks))
            .with("raw redis-rs, MGET", &all(), |ids| {
                raw::mget(self.raw.clone(), self.of_mode_redis.clone(), ids)
            })
            .with("cache-runtime, mode redis", &all(), ours::ask_redis);
        let (title, of_medians) = titles("mode redis", SMALL, tasks);
        group.compare(BENCHMARK, &title, &of_medians);
        unshared()
    }

    /// All tasks request the same value: ours share what they read. In mode `tiered` only a value
    /// that is too large for memory is not answered from there.
    fn hot_keys(&self, runtime: &Runtime) -> Result<(), Failure> {
        let (tasks, one) = (256, || Cursor::new(1));
        let group = |size| self.get(Group::new(runtime, tasks, effort(size, tasks)), size, &one());
        group(SMALL).with("cache-runtime, mode redis", &one(), ours::ask_redis).compare(
            BENCHMARK,
            "Redis hot key, 256 tasks",
            "",
        );
        group(LARGE).with(OURS, &one(), |ids| ours::ask_tiered(LARGE, ids)).compare(
            BENCHMARK,
            "Redis hot key, tiered, 64 KiB, 256 tasks",
            "",
        );
        let counts = ours::answered_by_redis()?;
        println!(
            "\n{} answers of Redis for {} calls",
            counts.redis_hits,
            counts.hits() + counts.coalesced
        );
        Ok(())
    }

    /// Checks that the peers' calls were answered by Redis too.
    fn check(&self) -> Result<(), Failure> {
        let (loads, memory_hits) = (peer::loads(), multi_tier::memory_hits(&self.multi_tier));
        if loads != 3 * SMALL.keys || memory_hits != 0 {
            return Err(
                format!("the peers made {loads} loads and {memory_hits} memory hits").into()
            );
        }
        Ok(())
    }
}

/// Fails unless each call had an answer of its own.
fn unshared() -> Result<(), Failure> {
    match ours::answered_by_redis()?.coalesced {
        0 => Ok(()),
        shared => Err(format!("{shared} calls have shared an answer of Redis").into()),
    }
}

/// Returns the title of a group, and that of the medians of its calls.
fn titles(mode: &str, size: Size, tasks: usize) -> (String, String) {
    let plural = if tasks == 1 { "" } else { "s" };
    (
        format!("Redis hit, {mode}, {size}, {tasks} task{plural}"),
        format!("Redis hit p50, {mode}, {size}"),
    )
}

fn effort(size: Size, tasks: usize) -> Effort {
    let calls = if tasks == 1 { 2_000 } else { 16_000 };
    Effort::full(12, if size == LARGE { calls / 8 } else { calls })
}
