//! Caches in memory and in Redis, each with a namespace of its own.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Mode, Status, with};
use cache_tests::{RedisServer, unique_namespace};

use crate::wait::until;

/// Runs `body` with a cache in memory, in Redis, and in both.
pub async fn on_caches(body: impl AsyncFn(CacheManager)) {
    let server = shared_server();
    for mode in [Mode::Memory, Mode::Redis, Mode::Tiered] {
        let cache = connect(config(mode, &server)).await;
        let _named = NamedOnPanic(mode);
        with(&cache.clone(), body(cache)).await;
    }
}

/// Runs `body` with a cache in Redis, with copies in memory.
pub async fn on_cache(body: impl AsyncFn(CacheManager)) {
    let server = shared_server();
    let cache = connect(config(Mode::Tiered, &server)).await;
    with(&cache.clone(), body(cache)).await;
}

/// Returns another manager of the same cache, which stands for another process.
pub async fn peer(cache: &CacheManager) -> CacheManager {
    connect(cache.config().clone()).await
}

/// Returns a configuration that is patient enough for a busy machine.
pub fn config(mode: Mode, server: &RedisServer) -> CacheConfig {
    let config = CacheConfig::default().namespace(unique_namespace()).mode(mode);
    if mode == Mode::Memory {
        return config;
    }
    config
        .redis_url(server.url())
        .redis_connect_timeout(Duration::from_secs(10))
        .redis_timeout(Duration::from_secs(5))
}

/// Returns a manager that has made its first attempt to connect.
pub async fn connect(config: CacheConfig) -> CacheManager {
    let manager = CacheManager::builder().config(config).build().expect("the configuration");
    manager.health().await;
    manager
}

/// Waits until Redis is in use, and nothing is pending.
pub async fn until_up(manager: &CacheManager) {
    until(async || manager.health().await.status == Status::Healthy).await;
}

/// Returns the server of all tests that do it no harm. It ends with the last test that holds it.
pub fn shared_server() -> Arc<RedisServer> {
    static SHARED: Mutex<Weak<RedisServer>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(RedisServer::start());
        *shared = Arc::downgrade(&server);
        server
    })
}

/// Says in which mode a test has failed.
struct NamedOnPanic(Mode);

impl Drop for NamedOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed in mode {:?}", self.0);
        }
    }
}
