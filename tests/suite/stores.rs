//! One test body over every place where values are kept.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Clock, Mode, Status, with};
use cache_tests::{RedisCluster, RedisServer, unique_namespace};
use tokio::task::JoinHandle;

/// The store of a [`TestCache`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// In memory: no Redis is configured.
    Memory,
    /// In Redis alone.
    Redis,
    /// In Redis, with copies in memory.
    Tiered,
    /// In Redis alone, which is a cluster.
    Cluster,
    /// In a cluster, with copies in memory.
    TieredCluster,
    /// In memory, since the Redis that is configured is unavailable.
    Outage,
}

impl Store {
    /// Every store.
    pub const ALL: [Store; 6] = [
        Store::Memory,
        Store::Redis,
        Store::Tiered,
        Store::Cluster,
        Store::TieredCluster,
        Store::Outage,
    ];

    /// Those of them that are what is configured.
    pub const INTENDED: [Store; 5] =
        [Store::Memory, Store::Redis, Store::Tiered, Store::Cluster, Store::TieredCluster];

    /// Those that keep values in Redis.
    pub const WITH_REDIS: [Store; 4] =
        [Store::Redis, Store::Tiered, Store::Cluster, Store::TieredCluster];

    /// Those that keep values in Redis alone.
    pub const STRICT: [Store; 2] = [Store::Redis, Store::Cluster];

    /// Those that keep values in one Redis server.
    pub const ONE_SERVER: [Store; 2] = [Store::Redis, Store::Tiered];

    /// Returns whether values are stored in Redis.
    pub fn has_redis(self) -> bool {
        !matches!(self, Store::Memory | Store::Outage)
    }

    /// Returns whether no copies are kept in memory.
    pub fn asks_redis_each_time(self) -> bool {
        matches!(self, Store::Redis | Store::Cluster)
    }
}

/// A cache for one test: with its own namespace, and with a clock that moves only on demand.
#[derive(Clone, Debug)]
pub struct TestCache {
    pub manager: CacheManager,
    /// Moves the time of the manager, and with it that of Redis as the manager sees it.
    pub clock: Clock,
    pub store: Store,
    server: Option<Arc<RedisServer>>,
    cluster: Option<&'static RedisCluster>,
    endless: Arc<AtomicBool>,
}

/// Runs `body` once for each of [`Store::ALL`], each time with a cache of its own.
pub async fn on_each_store(body: impl AsyncFn(TestCache)) {
    on_stores(&Store::ALL, body).await;
}

/// Runs `body` with a cache in each of these stores.
pub async fn on_stores(stores: &[Store], body: impl AsyncFn(TestCache)) {
    for &store in stores {
        on_store(store, |config| config, &body).await;
    }
}

/// Runs `body` with a cache in this store, with further settings.
pub async fn on_store(
    store: Store,
    settings: impl FnOnce(CacheConfig) -> CacheConfig,
    body: impl AsyncFn(TestCache),
) {
    let cache = TestCache::new(store, settings).await;
    let _named = NamedOnPanic(store);
    let (server, cluster) = (cache.server.clone(), cache.cluster);
    let (pattern, endless) = (cache.redis_key("*"), Arc::clone(&cache.endless));
    with(&cache.manager.clone(), body(cache)).await;
    if endless.load(Ordering::Relaxed) {
        return;
    }
    let nodes = cluster.iter().flat_map(|cluster| cluster.nodes()).chain(server.as_deref());
    nodes.for_each(|server| every_key_has_an_end(server, &pattern));
}

/// That all of these keys end by themselves: a leak in Redis would be for ever.
fn every_key_has_an_end(server: &RedisServer, pattern: &str) {
    let keys: Vec<String> = server.cli(&["KEYS", pattern]);
    if keys.is_empty() {
        return;
    }
    let mut lives = redis::pipe();
    for key in &keys {
        lives.pttl(key);
    }
    let lives: Vec<i64> = lives.query(&mut server.connect().unwrap()).unwrap();
    let endless: Vec<_> = keys.iter().zip(lives).filter(|(_, left)| *left == -1).collect();
    assert!(endless.is_empty(), "{endless:?}");
}

impl TestCache {
    /// A cache in this store, with further settings. Annotated functions use it inside of
    /// [`with`](cache_runtime::with) and [`spawn`](TestCache::spawn).
    pub async fn new(store: Store, settings: impl FnOnce(CacheConfig) -> CacheConfig) -> TestCache {
        let server = Store::ONE_SERVER.contains(&store).then(shared_server);
        let is_cluster = matches!(store, Store::Cluster | Store::TieredCluster);
        let cluster = is_cluster.then(shared_cluster);
        let mode = match store {
            Store::Memory => Mode::Memory,
            Store::Redis | Store::Cluster => Mode::Redis,
            Store::Tiered | Store::TieredCluster | Store::Outage => Mode::Tiered,
        };
        let config = CacheConfig::default().namespace(unique_namespace()).mode(mode);
        let config = match (&server, &cluster) {
            (Some(server), _) => on_redis(config, &server.url()),
            (None, Some(cluster)) => on_redis(config, &cluster.url()),
            // Nothing listens there, and the connection is refused at once.
            (None, None) => config.redis_url("redis://127.0.0.1:1"),
        };
        let clock = Clock::mock();
        TestCache {
            manager: connect(settings(config), &clock).await,
            clock,
            store,
            server,
            cluster,
            endless: Arc::default(),
        }
    }

    /// Another manager with the same configuration and clock. On Redis it stands for another
    /// process: nothing is shared but the server.
    pub async fn peer(&self) -> CacheManager {
        connect(self.manager.config().clone(), &self.clock).await
    }

    /// The server behind [`Store::Redis`] and [`Store::Tiered`], which other tests use too.
    pub fn server(&self) -> &RedisServer {
        self.server.as_deref().expect("the store is one Redis server")
    }

    /// The test keeps something for ever, or writes into Redis itself: it may leave keys without an end.
    pub fn leaves_endless_keys(&self) {
        self.endless.store(true, Ordering::Relaxed);
    }

    /// The key of a name in Redis.
    pub fn redis_key(&self, name: &str) -> String {
        format!("{}:{name}", self.manager.config().namespace)
    }

    /// Runs a future as a task that uses this cache.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        spawn_with(&self.manager, future)
    }
}

/// Runs a future as a task that uses this manager.
pub fn spawn_with<F>(manager: &CacheManager, future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let manager = manager.clone();
    tokio::spawn(async move { with(&manager, future).await })
}

/// A configuration for a server, patient enough for a busy machine.
pub fn on_server(config: CacheConfig, server: &RedisServer) -> CacheConfig {
    on_redis(config, &server.url())
}

/// The same for any address.
pub fn on_redis(config: CacheConfig, url: &str) -> CacheConfig {
    config
        .redis_url(url)
        .redis_connect_timeout(Duration::from_secs(10))
        .redis_timeout(Duration::from_secs(5))
}

/// A manager that has made its first attempt to connect.
pub async fn connect(config: CacheConfig, clock: &Clock) -> CacheManager {
    let builder = CacheManager::builder().config(config).clock(clock.clone());
    let manager = builder.build().expect("the configuration of the test");
    manager.health().await;
    manager
}

/// A cache in Redis alone, on a server of its own, which the test may harm.
pub async fn own_server(settings: impl FnOnce(CacheConfig) -> CacheConfig) -> TestCache {
    let server = Arc::new(RedisServer::start());
    let config = CacheConfig::default().namespace(unique_namespace()).mode(Mode::Redis);
    let (config, clock) = (settings(on_server(config, &server)), Clock::mock());
    let store = if config.mode == Mode::Tiered { Store::Tiered } else { Store::Redis };
    TestCache {
        manager: connect(config, &clock).await,
        clock,
        store,
        server: Some(server),
        cluster: None,
        endless: Arc::default(),
    }
}

/// Runs `body` in each mode with Redis, each time on a server of its own, which it may harm.
pub async fn on_own_servers(
    settings: impl Fn(CacheConfig) -> CacheConfig,
    body: impl AsyncFn(TestCache),
) {
    for mode in [Mode::Redis, Mode::Tiered] {
        let cache = own_server(|config| settings(config.mode(mode))).await;
        let _named = NamedOnPanic(cache.store);
        with(&cache.manager.clone(), body(cache)).await;
    }
}

/// Waits until Redis is in use: connected, and nothing is pending.
pub async fn until_up(manager: &CacheManager) {
    until(async || manager.health().await.status == Status::Healthy).await;
}

/// Waits until something holds.
pub async fn until(condition: impl AsyncFn() -> bool) {
    in_time(async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// The output of something that must end. It is given a minute, which is no assertion about its speed: a
/// test that hangs fails, and one on a busy machine does not.
pub async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it ends")
}

/// The output of a call, which may wait for at most this many operations that Redis fails or leaves
/// unanswered.
pub async fn costs<T>(manager: &CacheManager, failures: u64, future: impl Future<Output = T>) -> T {
    let before = manager.stats().redis_errors;
    let output = in_time(future).await;
    let failed = manager.stats().redis_errors - before;
    assert!(failed <= failures, "{failed} operations failed");
    output
}

/// The output of calls that ask Redis nothing.
pub async fn costs_nothing<T>(manager: &CacheManager, future: impl Future<Output = T>) -> T {
    let answered = || manager.stats().redis_times.count();
    let before = answered();
    let output = costs(manager, 0, future).await;
    assert_eq!(answered() - before, 0, "operations that Redis has answered");
    output
}

/// The same, for tests that are not async.
pub fn wait_for(mut condition: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "in time");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The server of all tests that do it no harm. It ends with the last test that holds it.
pub fn shared_server() -> Arc<RedisServer> {
    static SHARED: Mutex<Weak<RedisServer>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(RedisServer::start());
        *shared = Arc::downgrade(&server);
        server
    })
}

/// The cluster of all tests that do it no harm: three masters. It takes seconds to start, so it is kept.
pub fn shared_cluster() -> &'static RedisCluster {
    static SHARED: LazyLock<RedisCluster> = LazyLock::new(|| {
        let cluster = RedisCluster::builder().replicas(0).start();
        cluster.keep_until_exit();
        cluster
    });
    &SHARED
}

/// Says in which store a test has failed.
struct NamedOnPanic(Store);

impl Drop for NamedOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed on {:?}", self.0);
        }
    }
}
