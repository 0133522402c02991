//! The server is not there, or goes, and comes back.

use std::time::Duration;

use cache_runtime::{CacheManager, Error, Status, with};
use cache_tests::RedisServer;
use tokio::task::JoinHandle;

use super::*;
use crate::source::Hold;
use crate::stores::spawn_with;

#[tokio::test]
async fn a_server_that_is_down_at_the_start_is_used_once_it_is_there() {
    let server = RedisServer::start();
    server.kill();
    let manager = manager(&server.url());
    let source = Source::new(1);
    let first = costs(&manager, 0, with(&manager, item(&source, 1))).await;
    assert_eq!(first, 1);
    goes_on_in_memory(&manager).await;
    let health = manager.health().await;
    assert_eq!((health.status, health.backend), (Status::Degraded, "memory"));
    assert!(health.reason.is_some());

    server.restart();
    comes_back(&manager).await;
}

#[tokio::test]
async fn a_server_that_is_killed_is_used_again_after_its_restart() {
    let server = RedisServer::start();
    let manager = connected(&server.url()).await;
    let source = Source::new(1);
    with(&manager, async {
        assert_eq!(item(&source, 1).await, 1);
        server.kill();
        source.set(2);
        assert_eq!(costs(&manager, 1, item(&source, 2)).await, 2);
        is_given_up(&manager).await;
        goes_on_in_memory(&manager).await;
        server.restart();
        comes_back(&manager).await;
    })
    .await;
}

#[tokio::test]
async fn what_was_invalidated_during_an_outage_does_not_come_back_with_the_server() {
    let server = RedisServer::start();
    let manager = connected(&server.url()).await;
    let source = Source::new(1);
    with(&manager, async {
        for id in [1, 2, 3] {
            assert_eq!(item(&source, id).await, 1);
        }
        server.cli::<()>(&["SAVE"]);
        server.kill();
        change(&source, 1, 2).await;
        manager.delete("outage:2").await.unwrap();
        assert_eq!(item(&source, 1).await, 2);
        source.set(3);
        server.restart();
        is_in_use(&manager).await;
        assert_eq!(manager.health().await.pending_invalidations, 0);
        for id in [1, 2, 3] {
            assert_eq!(item(&source, id).await, 3, "item {id}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_that_comes_and_goes_is_used_while_it_is_there() {
    let server = RedisServer::start();
    let manager = connected(&server.url()).await;
    for round in 1..=3 {
        server.kill();
        let source = Source::new(round);
        let value = costs(&manager, 1, with(&manager, item(&source, 1))).await;
        assert_eq!(value, round, "nothing from an earlier round");
        server.restart();
        is_in_use(&manager).await;
    }
    assert_eq!(manager.stats().redis_outages, 3);
}

#[tokio::test]
async fn a_thousand_callers_go_on_when_the_server_dies_under_them() {
    let server = RedisServer::start();
    let manager = connected(&server.url()).await;
    let source = Source::new(1);
    let calls: Vec<_> = (0..1_000)
        .map(|id| {
            let source = source.clone();
            let call = async move { item(&source, id).await };
            spawn_with(&manager, call)
        })
        .collect();
    tokio::task::yield_now().await;
    server.kill();
    in_time(async {
        for call in calls {
            assert_eq!(call.await.unwrap(), 1);
        }
    })
    .await;
    assert_eq!(manager.stats().flights, 0);
}

#[tokio::test]
async fn a_manager_that_requires_redis_is_not_made_without_it() {
    let config = impatient("redis://:hunter2@127.0.0.1:1");
    let error = CacheManager::connect(config.clone().require_redis(true)).await.unwrap_err();
    assert!(matches!(error, Error::RedisRequired { .. }), "{error:?}");
    let text = format!("{error:#}");
    assert!(text.contains("127.0.0.1:1") && !text.contains("hunter2"), "{text}");

    let manager = CacheManager::connect(config).await.unwrap();
    assert_eq!(manager.health().await.status, Status::Degraded);
    assert_eq!(manager.ping().await, None);
}

#[tokio::test]
async fn a_required_server_that_goes_later_is_reported_as_down() {
    let server = RedisServer::start();
    let config = impatient(&server.url()).require_redis(true).redis_connect_timeout(Duration::from_secs(60));
    let manager = CacheManager::connect(config).await.unwrap();
    server.kill();
    is_given_up(&manager).await;
    assert_eq!(manager.health().await.status, Status::Down);
    goes_on_in_memory(&manager).await;
}

#[tokio::test]
async fn values_of_an_outage_are_kept_for_the_outage_ttl() {
    let clock = cache_runtime::Clock::mock();
    let config = impatient("redis://127.0.0.1:1").outage_ttl(Duration::from_secs(10));
    let manager = CacheManager::builder().config(config).clock(clock.clone()).build().unwrap();
    let source = Source::new(1);
    with(&manager, async {
        assert_eq!(item(&source, 1).await, 1);
        source.set(2);
        clock.advance(Duration::from_millis(9_999));
        assert_eq!(item(&source, 1).await, 1);
        clock.advance(Duration::from_millis(1));
        assert_eq!(item(&source, 1).await, 2);
    })
    .await;
}

/// A thousand callers who go on while the server comes back.
async fn a_thousand_callers_during(manager: &CacheManager, comes_back: impl FnOnce()) {
    let source = Source::new(1);
    let calls: Vec<_> = (0..1_000)
        .map(|id| {
            let source = source.clone();
            let calls = async move {
                for _ in 0..20 {
                    assert_eq!(item(&source, id).await, 1);
                    sleep(Duration::from_millis(20)).await;
                }
            };
            spawn_with(manager, calls)
        })
        .collect();
    tokio::task::yield_now().await;
    comes_back();
    is_in_use(manager).await;
    for call in calls {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_returns_is_asked_by_one_and_not_by_a_thousand() {
    let server = RedisServer::start();
    let manager = connected(&server.url()).await;
    server.kill();
    is_given_up(&manager).await;
    a_thousand_callers_during(&manager, || server.restart()).await;
    // Two connections for commands and one for the feed, those of the test itself beside them.
    let info: String = server.cli(&["INFO", "stats"]);
    let connections = number(&info, "total_connections_received:");
    assert!(connections < 20, "{connections} connections");
}

#[tokio::test]
async fn a_server_that_goes_on_is_probed_by_one_and_not_by_a_thousand() {
    let server = RedisServer::start();
    let manager = connected(&server.url()).await;
    server.cli::<()>(&["CONFIG", "RESETSTAT"]);
    server.pause();
    is_given_up(&manager).await;
    a_thousand_callers_during(&manager, || server.resume()).await;
    let info: String = server.cli(&["INFO", "commandstats"]);
    let (pings, infos) = (number(&info, "cmdstat_ping:calls="), number(&info, "cmdstat_info:calls="));
    // One probe; the rest are the feed's, and those of the health checks.
    assert!((1..50).contains(&(pings + infos)), "{pings} and {infos} probes");
}

/// Returns the number that stands behind this in what a server says of itself; zero if it is not there.
fn number(info: &str, name: &str) -> u32 {
    let value = info.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
    value.split([',', '\r']).next().unwrap().parse().unwrap()
}

/// A load that is overtaken by a change: in which of the phases before, in and after an outage it begins,
/// is overtaken and ends.
struct Overtaken {
    begins: usize,
    changes: usize,
    ends: usize,
    id: u64,
    source: Source,
    load: Option<(Hold, JoinHandle<u64>)>,
}

impl Overtaken {
    /// Every order in which it can happen.
    fn all() -> Vec<Overtaken> {
        let phases = (0..27).map(|n| (n / 9, n / 3 % 3, n % 3));
        phases
            .filter(|(begins, changes, ends)| begins <= changes && changes <= ends)
            .zip(1..)
            .map(|((begins, changes, ends), id)| {
                Overtaken { begins, changes, ends, id, source: Source::new(1), load: None }
            })
            .collect()
    }

    /// Calls the cache as this phase requires.
    async fn go_on(&mut self, manager: &CacheManager, phase: usize) {
        let (source, id) = (self.source.clone(), self.id);
        if phase == self.begins {
            let (hold, source) = (source.hold(), source.clone());
            let load = spawn_with(manager, async move { item(&source, id).await });
            hold.reached().await;
            self.load = Some((hold, load));
        }
        if phase == self.changes {
            change(&source, id, 2).await;
        }
        if phase == self.ends {
            let (hold, load) = self.load.take().unwrap();
            hold.release();
            assert_eq!(load.await.unwrap(), 1);
        }
        if phase >= self.ends {
            let value = item(&source, id).await;
            assert_eq!(value, 2, "{:?} in phase {phase}", (self.begins, self.changes, self.ends));
        }
    }
}

#[tokio::test]
async fn a_change_overtakes_a_load_whether_redis_goes_or_comes_meanwhile() {
    for trusts in [false, true] {
        let server = RedisServer::start();
        let config = impatient(&server.url()).trust_restart(trusts);
        let manager = CacheManager::builder().config(config).build().unwrap();
        is_in_use(&manager).await;
        let mut loads = Overtaken::all();
        with(&manager, async {
            for phase in 0..3 {
                match phase {
                    1 => {
                        // Entries and placeholders come back with the server.
                        server.cli::<()>(&["SAVE"]);
                        server.kill();
                        is_given_up(&manager).await;
                    }
                    2 => {
                        server.restart();
                        is_in_use(&manager).await;
                    }
                    _ => {}
                }
                for load in &mut loads {
                    load.go_on(&manager, phase).await;
                }
            }
        })
        .await;
        assert_eq!(manager.stats().flights, 0);
    }
}
