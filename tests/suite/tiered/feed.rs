//! The feed is interrupted, stalls, or carries unreadable messages.

use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Mode, Status, with};
use cache_tests::{Proxy, RedisServer};

use super::{From, fetch, own_tiered, until_received};
use crate::source::Source;
use crate::stores::{Store, TestCache, on_server, on_stores, until, until_up};
use crate::video::{Way, video};

#[tokio::test]
async fn an_interruption_begins_a_new_epoch_in_memory() {
    let cache = own_tiered(|config| config).await;
    let (source, manager) = (Source::new(1), &cache.manager);
    assert_eq!(fetch(manager, &source).await, (1, From::Load));
    assert_eq!(fetch(manager, &source).await, (1, From::Memory));
    assert_eq!(cache.server().cli::<u64>(&["CLIENT", "KILL", "TYPE", "pubsub"]), 1);
    until(async || manager.stats().feed_interruptions == 1).await;
    until_received(manager).await;
    assert_eq!(fetch(manager, &source).await, (1, From::Redis), "what was missed is not known");
    assert_eq!(fetch(manager, &source).await, (1, From::Memory));
}

#[tokio::test]
async fn what_was_missed_in_an_interruption_is_not_served_after_it() {
    let cache = own_tiered(|config| config).await;
    let peer = cache.peer().await;
    for way in Way::ALL {
        let source = Source::new(1);
        assert_eq!(with(&peer, video(&source)).await, 1, "{way:?}");
        let before = peer.stats().feed_interruptions;
        cache.server().cli::<u64>(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        source.set(2);
        way.invalidate(&cache.manager).await;
        until(async || peer.stats().feed_interruptions > before).await;
        until_received(&peer).await;
        assert_eq!(with(&peer, video(&source)).await, 2, "{way:?}");
        way.invalidate(&cache.manager).await;
        until(async || peer.get::<u64>(crate::video::NAME).await.unwrap().is_none()).await;
    }
}

#[tokio::test]
async fn without_a_feed_redis_is_asked_each_time_and_no_copy_is_kept() {
    let cache = own_tiered(|config| config).await;
    let (source, manager) = (Source::new(1), &cache.manager);
    let peer = cache.peer().await;
    // A new connection may not subscribe.
    cache.server().cli::<()>(&["ACL", "SETUSER", "default", "-subscribe"]);
    cache.server().cli::<u64>(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    until(async || manager.health().await.backend == "redis").await;
    let health = manager.health().await;
    assert_eq!((health.status, health.feed_lag), (Status::Degraded, None));
    assert!(health.reason.is_some_and(|reason| reason.contains("not received")));
    // The lease has to end first.
    until(async || fetch(manager, &source).await.1 == From::Redis).await;
    for way in Way::ALL {
        assert_eq!(with(manager, video(&source)).await, 1);
        source.set(2);
        way.invalidate(&peer).await;
        assert_eq!(with(manager, video(&source)).await, 2, "{way:?}: at once");
        source.set(1);
        way.invalidate(&peer).await;
    }
    assert_eq!(fetch(manager, &source).await, (1, From::Load));
    assert_eq!(fetch(manager, &source).await, (1, From::Redis));
    cache.server().cli::<()>(&["ACL", "SETUSER", "default", "+subscribe"]);
    until_received(manager).await;
    fetch(manager, &source).await;
    assert_eq!(fetch(manager, &source).await, (1, From::Memory));
}

#[tokio::test]
async fn noise_on_the_feed_costs_what_memory_holds_and_nothing_else() {
    on_stores(&[Store::Tiered], async |cache: TestCache| {
        let (source, manager) = (Source::new(1), &cache.manager);
        for noise in ["", "hello", "\u{1}12345678k", "\u{2}"] {
            assert_eq!(video(&source).await, 1);
            assert_eq!(fetch(manager, &source).await, (1, From::Memory));
            cache.server().cli::<u64>(&["PUBLISH", &cache.redis_key("#feed"), noise]);
            until(async || fetch(manager, &source).await == (1, From::Redis)).await;
        }
        assert_eq!(source.reads(), 1);
        assert_eq!(manager.health().await.status, Status::Healthy);
    })
    .await;
}

#[tokio::test]
async fn a_feed_is_taken_over_when_its_runtime_ends() {
    let cache = own_tiered(|config| config).await;
    let builder = cache_runtime::CacheManager::builder().config(cache.manager.config().clone());
    let manager = builder.build().unwrap();
    let source = Source::new(1);
    let first = manager.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(until_received(&first));
    })
    .join()
    .unwrap();
    assert_eq!(with(&manager, video(&source)).await, 1);
    until_received(&manager).await;
    with(&manager, video(&source)).await;
    assert_eq!(fetch(&manager, &source).await, (1, From::Memory));
    source.set(2);
    Way::Prefix.invalidate(&cache.manager).await;
    until(async || with(&manager, video(&source)).await == 2).await;
}

#[tokio::test]
async fn a_feed_is_taken_over_from_a_runtime_that_nobody_drives_long_before_the_next_health_check()
{
    let cache = own_tiered(|config| config).await;
    let config =
        cache.manager.config().clone().redis_health_check_interval(Duration::from_secs(120));
    let manager = CacheManager::builder().config(config).build().unwrap();
    let first = manager.clone();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let (ready, until_ready) = tokio::sync::oneshot::channel();
    let idle = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(until_received(&first));
        ready.send(()).unwrap();
        // The runtime is there, and its tasks are not run.
        let _ = stopped.recv();
    });
    until_ready.await.unwrap();
    let source = Source::new(1);
    assert_eq!(with(&manager, video(&source)).await, 1);
    until(async || fetch(&manager, &source).await == (1, From::Redis)).await;
    // It is this runtime that listens now.
    until(async || fetch(&manager, &source).await == (1, From::Memory)).await;
    source.set(2);
    Way::Prefix.invalidate(&cache.manager).await;
    until(async || with(&manager, video(&source)).await == 2).await;
    stop.send(()).unwrap();
    idle.join().unwrap();
}

#[tokio::test]
async fn a_forged_message_is_bounded_in_what_it_costs_and_means_everything() {
    on_stores(&[Store::Tiered], async |cache: TestCache| {
        let (source, manager) = (Source::new(1), &cache.manager);
        let message = |items: &[(u8, &str)]| {
            let mut bytes = vec![1, b'f', b'o', b'r', b'g', b'e', b'd', b'!', b'!'];
            for (kind, text) in items {
                bytes.push(*kind);
                bytes.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
                bytes.extend(text.bytes());
            }
            bytes
        };
        let stars = "*a".repeat(500);
        let publish = |bytes: Vec<u8>| {
            let mut command = redis::cmd("PUBLISH");
            command.arg(cache.redis_key("#feed")).arg(bytes);
            command.query::<u64>(&mut cache.server().connect().unwrap()).unwrap();
        };
        // One pattern is looked for, and does not match.
        assert_eq!(with(manager, video(&source)).await, 1);
        fetch(manager, &source).await;
        publish(message(&[(b'p', "elsewhere:*")]));
        publish(message(&[(b'p', &stars)]));
        publish(message(&[(b'k', "heard")]));
        until(async || manager.stats().notices >= 3).await;
        until(async || fetch(manager, &source).await == (1, From::Memory)).await;
        assert_eq!(source.reads(), 1);
        // This many would each be a look at all that memory holds.
        for forged in [vec![(b'p', "?*?"); 5_000], vec![(b'k', "x"); 20_000]] {
            publish(message(&forged));
            until(async || fetch(manager, &source).await == (1, From::Redis)).await;
            until(async || fetch(manager, &source).await == (1, From::Memory)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_lag_of_the_feed_is_told() {
    on_stores(&[Store::Tiered], async |cache: TestCache| {
        let health = cache.manager.health().await;
        assert!(health.feed_lag.is_some(), "{health:?}");
        assert_eq!(health.breaker, Some(cache_runtime::Breaker::Closed));
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_stalls_is_believed_until_its_lease_ends() {
    let cache = own_tiered(|config| config.outage_grace(Duration::ZERO)).await;
    let proxy = Proxy::before(cache.server().port());
    let config = cache.manager.config().clone();
    let config = config
        .redis_url(format!("redis://127.0.0.1:{}", proxy.port()))
        .redis_timeout(Duration::from_millis(100));
    let builder = CacheManager::builder().config(config).clock(cache.clock.clone());
    let behind = builder.build().unwrap();
    until_received(&behind).await;
    let source = Source::new(1);
    assert_eq!(with(&behind, video(&source)).await, 1);
    cache.clock.advance(Duration::from_secs(1));
    proxy.stall();
    source.set(2);
    Way::Prefix.invalidate(&cache.manager).await;
    // That it ends shows that the lease does, since nothing is received.
    until(async || {
        // Now and then somebody requests something that is not in memory.
        behind.get::<u64>("other").await.unwrap();
        with(&behind, video(&source)).await == 2
    })
    .await;
    for _ in 0..100 {
        assert_eq!(with(&behind, video(&source)).await, 2);
    }
}

#[tokio::test]
async fn the_tasks_of_a_manager_end_with_it() {
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let happens: [fn(&RedisServer); 3] = [|_| {}, RedisServer::kill, RedisServer::pause];
    for (mode, (at, happens)) in [Mode::Redis, Mode::Tiered]
        .into_iter()
        .flat_map(|mode| happens.into_iter().enumerate().map(move |each| (mode, each)))
    {
        for disconnects in [true, false] {
            let server = RedisServer::start();
            let config = on_server(CacheConfig::default().mode(mode), &server)
                .redis_timeout(Duration::from_millis(200))
                .redis_health_check_interval(Duration::from_millis(50));
            let manager = CacheManager::builder().config(config).build().unwrap();
            let before = alive();
            until_up(&manager).await;
            assert!(alive() > before);
            happens(&server);
            let is_unavailable = at > 0;
            until(async || (manager.health().await.backend == "memory") == is_unavailable).await;
            if disconnects {
                _ = manager.disconnect().await;
                until(async || alive() == before).await;
            }
            drop(manager);
            until(async || alive() == before).await;
        }
    }
}
