//! A connection breaks, or cannot be made.

use cache_runtime::{EventKind, Status, with};
use cache_tests::{Proxy, RedisServer};

use super::*;
use crate::log::Log;
use crate::stores::until;

#[tokio::test]
async fn a_broken_connection_is_replaced() {
    let server = RedisServer::start();
    let manager = connected(&server.url()).await;
    let source = Source::new(1);
    with(&manager, async {
        assert_eq!(item(&source, 1).await, 1);
        server.cli::<u64>(&["CLIENT", "KILL", "TYPE", "normal"]);
        assert_eq!(costs(&manager, 1, item(&source, 2)).await, 1);
        is_in_use(&manager).await;
        source.set(2);
        assert_eq!(item(&source, 1).await, 1, "the server has kept what it had");
        assert_eq!(source.reads(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_wrong_password_is_as_good_as_no_server() {
    let server = RedisServer::builder().password("right").start();
    let manager = manager(&server.url().replace("right", "wrong"));
    let source = Source::new(1);
    let first = costs(&manager, 0, with(&manager, item(&source, 1))).await;
    assert_eq!(first, 1);
    goes_on_in_memory(&manager).await;
    let health = manager.health().await;
    assert_eq!(health.status, Status::Degraded);
    let reason = health.reason.unwrap();
    assert!(!reason.contains("wrong:") && !reason.contains("right"), "{reason}");

    server.cli::<()>(&["CONFIG", "SET", "requirepass", "wrong"]);
    comes_back(&manager).await;
}

#[tokio::test]
async fn a_server_without_room_for_a_client_is_used_when_it_has() {
    let server = RedisServer::builder().arg("--maxclients", "8").start();
    let guests: Vec<_> = (0..8).filter_map(|_| server.connect().ok()).collect();
    assert!(!guests.is_empty());
    let manager = manager(&server.url());
    let source = Source::new(1);
    let first = costs(&manager, 0, with(&manager, item(&source, 1))).await;
    assert_eq!(first, 1);
    goes_on_in_memory(&manager).await;
    drop(guests);
    comes_back(&manager).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_the_server_closes_while_they_are_idle_are_no_outage() {
    let server = RedisServer::start();
    let config = impatient(&server.url()).redis_health_check_interval(Duration::from_secs(60));
    let manager = CacheManager::builder().config(config).build().unwrap();
    is_in_use(&manager).await;
    let source = Source::new(1);
    let long = "x".repeat(100_000);
    with(&manager, async {
        assert_eq!(item(&source, 1).await, 1);
        manager.set("long", &long, Duration::from_secs(60)).await.unwrap();
        server.cli::<()>(&["CONFIG", "SET", "timeout", "1"]);
        for turn in 0..2 {
            // Those of the feed are none of them.
            let open = || server.cli::<String>(&["CLIENT", "LIST", "TYPE", "normal"]);
            until(async || !open().contains("lib-name=cache-runtime")).await;
            // Not from memory.
            assert_eq!(manager.inspect("outage:1").await.unwrap().map(|_| ()), Some(()), "{turn}");
            assert_eq!(manager.get::<String>("long").await.unwrap(), Some(long.clone()));
            source.set(turn + 2);
            change(&source, 1, turn + 2).await;
            assert_eq!(item(&source, 1).await, turn + 2);
            let stats = manager.stats();
            assert_eq!((stats.redis_errors, stats.redis_outages), (0, 0), "{stats}");
            assert_eq!(manager.health().await.status, Status::Healthy);
        }
    })
    .await;
    let lost = |event: &cache_runtime::Event| matches!(event.what, EventKind::RedisLost { .. });
    assert!(!manager.events(0).iter().any(lost));
}

#[tokio::test]
async fn another_reason_of_an_outage_is_said_once() {
    let server = RedisServer::builder().password("right").start();
    let proxy = Proxy::before(server.port());
    let manager = connected(&format!("redis://:right@127.0.0.1:{}", proxy.port())).await;
    let (log, _capture) = Log::capture();
    proxy.refuse();
    proxy.cut();
    is_given_up(&manager).await;
    // It comes back with another password.
    server.cli::<()>(&["CONFIG", "SET", "requirepass", "wrong"]);
    proxy.pass();
    let reasons = || {
        let events = manager.events(0).into_iter();
        let reasons = events.filter_map(|event| match event.what {
            EventKind::RedisLost { reason } => Some(reason),
            _ => None,
        });
        reasons.collect::<Vec<_>>()
    };
    until(async || reasons().iter().any(|reason| reason.contains("uthentication"))).await;
    // Some more attempts, with the same reason.
    sleep(Duration::from_millis(500)).await;
    let reasons = reasons();
    let count = |part: &str| reasons.iter().filter(|reason| reason.contains(part)).count();
    assert_eq!(count("uthentication"), 1, "{reasons:?}");
    let said = log.lines("WARN").iter().filter(|line| line.contains("uthentication")).count();
    assert_eq!(said, 1, "{}", log.text());
}
