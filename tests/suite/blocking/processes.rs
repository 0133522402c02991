//! Programs without any runtime, and without any async call, on Redis.

use std::thread;

use cache_runtime::{
    CacheConfig, CacheManager, Mode, cache_invalidate, cached, with, with_blocking,
};
use cache_tests::{Counter, unique_namespace};

use crate::stores::{connect, on_server, shared_server, wait_for};

#[cached(ttl = "1h", key_prefix = "client", key = "{id}")]
fn client(runs: &Counter, id: u64) -> usize {
    _ = id;
    runs.hit()
}

#[cached(ttl = "1h", key_prefix = "client", key = "stored:{id}")]
async fn stored_client(runs: &Counter, id: u64) -> usize {
    _ = id;
    runs.hit()
}

#[cache_invalidate(prefix = "client")]
fn rotate() {}

fn config(mode: Mode) -> (CacheConfig, std::sync::Arc<cache_tests::RedisServer>) {
    let server = shared_server();
    let config = CacheConfig::default().namespace(unique_namespace()).mode(mode);
    (on_server(config, &server), server)
}

#[test]
fn a_program_without_a_runtime_receives_invalidations() {
    for mode in [Mode::Redis, Mode::Tiered] {
        let (config, _server) = config(mode);
        let manager = CacheManager::builder().config(config.clone()).build().unwrap();
        let runs = Counter::new();
        let call = || with_blocking(&manager, || client(&runs, 1));
        assert_eq!(call(), 1);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let clock = cache_runtime::Clock::default();
        let other = runtime.block_on(connect(config, &clock));
        // Invalidations are received once the feed has been connected, which also makes earlier values stale.
        wait_for(|| {
            runtime.block_on(other.invalidate_prefix("client")).unwrap();
            call() > 2
        });
    }
}

#[test]
fn a_program_without_a_runtime_sends_its_invalidations() {
    let (config, _server) = config(Mode::Redis);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let other = runtime.block_on(connect(config.clone(), &cache_runtime::Clock::default()));
    let runs = Counter::new();
    let call = || runtime.block_on(with(&other, stored_client(&runs, 1)));
    assert_eq!((call(), call()), (1, 1));
    let manager = CacheManager::builder().config(config).build().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| with_blocking(&manager, rotate));
    });
    wait_for(|| call() == 2);
}
