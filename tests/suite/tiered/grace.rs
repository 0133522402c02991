//! Redis is unavailable: what memory held before is served for a while.

use std::time::Duration;

use cache_runtime::{Status, with};

use super::{From, fetch, own_tiered, until_received};
use crate::source::Source;
use crate::stores::{TestCache, until};
use crate::video::{NAME, Way, video};

const SECOND: Duration = Duration::from_secs(1);

/// Kills the server, and waits until that is known and the lease of the feed has ended.
async fn outage(cache: &TestCache) {
    cache.clock.advance(SECOND);
    cache.server().kill();
    until(async || {
        let health = cache.manager.health().await;
        health.status == Status::Degraded && health.backend == "memory"
    })
    .await;
    // The lease is counted on the system clock, which no test moves.
    tokio::time::sleep(2 * SECOND).await;
}

#[tokio::test]
async fn values_from_before_an_outage_are_served_for_the_grace() {
    let cache = own_tiered(|config| config.outage_grace(10 * SECOND)).await;
    let (source, manager) = (Source::new(1), &cache.manager);
    assert_eq!(fetch(manager, &source).await, (1, From::Load));
    outage(&cache).await;
    source.set(2);
    assert_eq!(fetch(manager, &source).await, (1, From::Memory));
    assert!(manager.exists(NAME).await.unwrap());
    cache.clock.advance(10 * SECOND);
    until(async || !manager.exists(NAME).await.unwrap()).await;
    assert_eq!(manager.get::<u64>(NAME).await.unwrap(), None);
    assert_eq!(fetch(manager, &source).await, (2, From::Load));
    assert!(manager.exists(NAME).await.unwrap());
    assert_eq!(fetch(manager, &source).await, (2, From::Memory), "kept for the outage TTL");
    source.set(3);
    cache.clock.advance(30 * SECOND);
    assert_eq!(fetch(manager, &source).await, (3, From::Load));
}

#[tokio::test]
async fn without_a_grace_an_outage_begins_cold() {
    let cache = own_tiered(|config| config.outage_grace(Duration::ZERO)).await;
    let (source, manager) = (Source::new(1), &cache.manager);
    assert_eq!(fetch(manager, &source).await, (1, From::Load));
    outage(&cache).await;
    source.set(2);
    // As soon as the lease has ended.
    until(async || fetch(manager, &source).await == (2, From::Load)).await;
}

#[tokio::test]
async fn an_own_invalidation_counts_within_the_grace() {
    for way in Way::ALL {
        let cache = own_tiered(|config| config).await;
        let (source, manager) = (Source::new(1), &cache.manager);
        assert_eq!(fetch(manager, &source).await, (1, From::Load));
        cache.server().kill();
        source.set(2);
        way.invalidate(manager).await;
        assert_eq!(with(manager, video(&source)).await, 2, "{way:?}");
        source.set(3);
        way.invalidate(manager).await;
        assert_eq!(with(manager, video(&source)).await, 3, "{way:?}");
    }
}

#[tokio::test]
async fn after_an_outage_nothing_is_served_that_others_have_invalidated_in_it() {
    let cache = own_tiered(|config| config).await;
    let peer = cache.peer().await;
    for way in Way::ALL {
        let source = Source::new(1);
        assert_eq!(fetch(&cache.manager, &source).await.0, 1);
        cache.server().cli::<()>(&["SAVE"]);
        cache.server().kill();
        source.set(2);
        way.invalidate(&peer).await;
        cache.server().restart();
        until_received(&peer).await;
        assert_eq!(peer.health().await.pending_invalidations, 0);
        until_received(&cache.manager).await;
        assert_eq!(fetch(&cache.manager, &source).await.0, 2, "{way:?}");
        way.invalidate(&peer).await;
        until(async || cache.manager.get::<u64>(NAME).await.unwrap().is_none()).await;
    }
}

#[tokio::test]
async fn a_failure_that_the_feed_outlives_leaves_memory_as_it_is() {
    let cache = own_tiered(|config| config.redis_timeout(Duration::from_millis(50))).await;
    let (source, manager) = (Source::new(1), &cache.manager);
    assert_eq!(fetch(manager, &source).await, (1, From::Load));
    cache.server().cli::<()>(&["CLIENT", "PAUSE", "300", "WRITE"]);
    manager.set("other", &1_u64, SECOND * 60).await.unwrap();
    assert!(manager.stats().redis_errors > 0);
    until_received(manager).await;
    assert_eq!(fetch(manager, &source).await, (1, From::Memory));
}
