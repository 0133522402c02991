//! A Redis hit: ours against the bare client that asks for the same keys in one MGET, which are the
//! value, the root token and the tokens of the call's prefixes.
//!
//! Each task has keys of its own: tasks that share a key would share one round trip.

use std::future::Future;
use std::sync::Arc;

use cache_benches::{Contender, Effort, compare};
use cache_runtime::{CacheConfig, CacheManager, Mode, cached};
use cache_tests::RedisServer;
use redis::Client;
use redis::aio::MultiplexedConnection;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const KEYS: u64 = 6_400;
const VALUE: &str = "0123456789abcdefghij0123456789abcdefghij0123456789abcdefghij0123456789abcdefghij0123456789abcdefghij";

type Failure = Box<dyn std::error::Error>;
/// The keys of one hit: the value's, and those of its tokens.
type Keys = Vec<String>;

#[cached(ttl = "5m", key_prefix = "bench")]
async fn value(id: u64, text: &str) -> String {
    assert!(id < KEYS && text.is_empty());
    VALUE.to_owned()
}

fn main() -> Result<(), Failure> {
    let server = RedisServer::start();
    let runtime = Runtime::new()?;
    runtime.block_on(start(&server))?;
    let connection =
        runtime.block_on(Client::open(server.url())?.get_multiplexed_async_connection())?;
    let keys = Arc::new(keys_of_hits(&server));
    for (tasks, effort) in [(1, Effort::full(30, 3_200)), (64, Effort::full(30, 32_000))] {
        let spread = Spread::new(tasks, effort);
        let raw = || {
            let (connection, keys) = (connection.clone(), Arc::clone(&keys));
            runtime.block_on(
                spread
                    .run(move |of_task| ask_redis(connection.clone(), Arc::clone(&keys), of_task)),
            );
        };
        let ours = || runtime.block_on(spread.run(ask_ours));
        compare(
            "redis",
            &format!("Redis hit, {tasks} at a time"),
            effort,
            vec![Contender::new("raw redis, MGET", raw), Contender::new("cache-runtime", ours)],
        );
    }
    report()
}

/// Fills Redis and makes sure that hits come from there.
async fn start(server: &RedisServer) -> Result<(), Failure> {
    let config = CacheConfig::default().mode(Mode::Redis).redis_url(server.url());
    cache_runtime::install(CacheManager::connect(config).await?)?;
    for id in 0..KEYS {
        value(id, "").await;
    }
    Ok(())
}

/// The statistics; a run in which a hit did not come from Redis is void.
fn report() -> Result<(), Failure> {
    let stats = cache_runtime::cache().stats();
    println!("\n{stats}");
    let total = stats.total;
    if total.loads != KEYS || total.coalesced != 0 || total.memory_hits != 0 {
        return Err("not every hit was a round trip of its own".into());
    }
    Ok(())
}

/// What each hit asks for, as it stands in Redis.
fn keys_of_hits(server: &RedisServer) -> Vec<Keys> {
    let all: Vec<String> = server.cli(&["KEYS", "*"]);
    let is_token = |key: &String| key.ends_with(":#root") || key.contains(":#t:");
    let (own, values): (Vec<_>, Vec<_>) = all.into_iter().partition(|key| key.contains(":#"));
    let tokens: Vec<String> = own.into_iter().filter(is_token).collect();
    values.into_iter().map(|value| [vec![value], tokens.clone()].concat()).collect()
}

/// How the calls of a turn are spread over tasks.
#[derive(Clone, Copy)]
struct Spread {
    tasks: usize,
    calls_of_each: usize,
}

/// The ids that one task asks for.
type Ids = Box<dyn Iterator<Item = u64> + Send>;

impl Spread {
    fn new(tasks: usize, effort: Effort) -> Self {
        Spread { tasks, calls_of_each: effort.calls.div_ceil(tasks) }
    }

    async fn run<F>(self, ask: impl Fn(Ids) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let tasks: JoinSet<()> = (0..self.tasks).map(|task| ask(self.ids(task))).collect();
        tasks.join_all().await;
    }

    fn ids(self, task: usize) -> Ids {
        let own = (task as u64..KEYS).step_by(self.tasks);
        Box::new(own.cycle().take(self.calls_of_each))
    }
}

async fn ask_ours(ids: Ids) {
    for id in ids {
        assert_eq!(value(id, "").await.len(), VALUE.len());
    }
}

async fn ask_redis(mut connection: MultiplexedConnection, keys: Arc<Vec<Keys>>, ids: Ids) {
    for id in ids {
        let keys = &keys[id as usize];
        let answer: redis::RedisResult<Vec<Option<Vec<u8>>>> =
            redis::cmd("MGET").arg(keys).query_async(&mut connection).await;
        assert!(answer.is_ok_and(|values| values.iter().all(Option::is_some)));
    }
}
