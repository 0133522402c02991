//! The lease ends: reads go past memory, and nothing that they have gone past is served again.

use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Clock, Mode};
use cache_tests::{Proxy, RedisServer, unique_namespace};

use super::{From, fetch, until_received};
use crate::source::Source;
use crate::stores::{connect, on_redis, until};
use crate::video::Way;

/// A tiered cache whose way to Redis a test can harm, and another one that is not harmed.
struct Harmed {
    server: RedisServer,
    proxy: Proxy,
    clock: Clock,
    manager: CacheManager,
    peer: CacheManager,
}

async fn harmed() -> Harmed {
    let (server, clock) = (RedisServer::start(), Clock::mock());
    let proxy = Proxy::before(server.port());
    let config = CacheConfig::default().mode(Mode::Tiered).namespace(unique_namespace());
    let peer = connect(on_redis(config.clone(), &server.url()), &clock).await;
    let config = on_redis(config, &format!("redis://127.0.0.1:{}", proxy.port()));
    let config = config.redis_timeout(Duration::from_millis(500));
    let manager = connect(config, &clock).await;
    until_received(&manager).await;
    Harmed { server, proxy, clock, manager, peer }
}

async fn until_unavailable(manager: &CacheManager) {
    until(async || manager.health().await.backend == "memory").await;
}

#[tokio::test]
async fn what_a_read_has_gone_past_is_not_served_again_in_an_outage() {
    for way in [Way::Key, Way::Prefix, Way::Tag, Way::Clear] {
        let Harmed { server: _server, proxy, manager, peer, .. } = harmed().await;
        let source = Source::new(1);
        assert_eq!(fetch(&manager, &source).await, (1, From::Load));
        assert_eq!(fetch(&manager, &source).await, (1, From::Memory));
        // The feed was connected last.
        proxy.refuse();
        proxy.hush_last();
        source.set(2);
        way.invalidate(&peer).await;
        assert_eq!(fetch(&peer, &source).await.0, 2);
        until(async || fetch(&manager, &source).await == (2, From::Redis)).await;
        proxy.cut();
        until_unavailable(&manager).await;
        assert_eq!(fetch(&manager, &source).await.0, 2, "{way:?}: not what memory held before");
    }
}

#[tokio::test]
async fn a_copy_that_a_read_has_bypassed_is_not_served_again_when_the_feed_is_connected() {
    let Harmed { server: _server, proxy, manager, peer, .. } = harmed().await;
    let source = Source::new(1);
    assert_eq!(fetch(&manager, &source).await, (1, From::Load));
    proxy.refuse();
    proxy.hush_last();
    source.set(2);
    Way::Key.invalidate(&peer).await;
    assert_eq!(fetch(&peer, &source).await.0, 2);
    until(async || fetch(&manager, &source).await == (2, From::Redis)).await;
    proxy.pass();
    until_received(&manager).await;
    // A copy is kept again. The feed may still be about to begin a new session, which makes stale what
    // is there.
    until(async || {
        let (value, from) = fetch(&manager, &source).await;
        assert_eq!(value, 2);
        from == From::Memory
    })
    .await;
}

#[tokio::test]
async fn the_grace_begins_when_notices_were_last_received() {
    let Harmed { server: _server, proxy, clock, manager, peer } = harmed().await;
    let source = Source::new(1);
    assert_eq!(fetch(&manager, &source).await, (1, From::Load));
    proxy.stall();
    // Nobody has noticed anything yet.
    clock.advance(Duration::from_secs(9));
    source.set(2);
    Way::Key.invalidate(&peer).await;
    until_unavailable(&manager).await;
    // The lease is counted on the system clock.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(fetch(&manager, &source).await, (1, From::Memory), "for ten seconds");
    clock.advance(Duration::from_secs(1));
    assert_eq!(fetch(&manager, &source).await, (2, From::Load), "and no longer");
}
