//! `get_many`, `set_many`, `warm`: many names at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Mode, SetOptions, Ttl};
use cache_tests::{Counter, Proxy, RedisServer, unique_namespace};
use tokio::task::yield_now;

use crate::log::Log;
use crate::stores::{Store, TestCache, on_each_store, on_store, own_server, until, until_up};

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn many_values_come_in_the_order_of_their_names() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        manager.set_many([("n:1", &1), ("n:2", &2), ("m:3", &3)], MINUTE).await.unwrap();
        manager.set("n:text", &"x".to_owned(), MINUTE).await.unwrap();
        let names = ["m:3", "n:none", "n:1", "n:text", "n:1"];
        let values = manager.get_many::<i32>(&names).await.unwrap();
        assert_eq!(values, [Some(3), None, Some(1), None, Some(1)]);
        assert_eq!(manager.get("n:2").await.unwrap(), Some(2));
        assert_eq!(manager.get_many::<i32>(&[] as &[&str]).await.unwrap(), []);
        assert_eq!(manager.stats().total.stores, 4);
    })
    .await;
}

#[tokio::test]
async fn of_the_values_for_one_name_the_last_is_there() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        let values: Vec<(String, u64)> = (0..600).map(|n| (format!("n:{}", n % 3), n)).collect();
        let pairs = values.iter().map(|(name, value)| (name, value));
        manager.set_many(pairs, MINUTE).await.unwrap();
        let read: Vec<Option<u64>> = manager.get_many(&["n:0", "n:1", "n:2", "n:0"]).await.unwrap();
        assert_eq!(read, [Some(597), Some(598), Some(599), Some(597)]);
    })
    .await;
}

#[tokio::test]
async fn many_values_can_be_invalidated_one_by_one_and_together() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        let names = ["n:1", "n:2", "m:3"];
        let set = async || {
            let values = names.into_iter().zip(&[1, 2, 3]);
            manager.set_many(values, SetOptions::ttl(MINUTE).tag("all")).await.unwrap();
        };
        let get = async || manager.get_many::<i32>(&names).await.unwrap();
        set().await;
        manager.delete("n:1").await.unwrap();
        assert_eq!(get().await, [None, Some(2), Some(3)]);
        manager.invalidate_prefix("n").await.unwrap();
        assert_eq!(get().await, [None, None, Some(3)]);
        manager.invalidate_tag("all").await.unwrap();
        assert_eq!(get().await, [None; 3]);
        set().await;
        assert_eq!(get().await, [Some(1), Some(2), Some(3)]);
    })
    .await;
}

#[tokio::test]
async fn names_of_different_prefixes_have_their_ttls() {
    for store in Store::INTENDED {
        let settings = |config: cache_runtime::CacheConfig| {
            config.prefix_ttl("short", MINUTE).prefix_ttl("long", Ttl::Forever)
        };
        on_store(store, settings, async |cache: TestCache| {
            cache.leaves_endless_keys();
            let values = [("short:1", &1), ("long:1", &2), ("short:2", &3)];
            cache.manager.set_many(values, SetOptions::default()).await.unwrap();
            cache.clock.advance(MINUTE * 2);
            let names = ["short:1", "long:1", "short:2"];
            let values = cache.manager.get_many::<i32>(&names).await.unwrap();
            assert_eq!(values, [None, Some(2), None]);
        })
        .await;
    }
}

#[tokio::test]
async fn warming_loads_what_is_not_fresh_and_counts_failures() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        manager.set("square:1", &1_u64, MINUTE).await.unwrap();
        let loads = Counter::new();
        let load = |name: String| {
            loads.hit();
            async move {
                let number: u64 = name["square:".len()..].parse().map_err(|_| "no number")?;
                Ok::<_, &str>(number * number)
            }
        };
        let names = ["square:1", "square:2", "square:x", "square:3"];
        let warmed = manager.warm(names, MINUTE, 2, load).await.unwrap();
        assert_eq!((warmed.fresh, warmed.failed, loads.count()), (3, 1, 3));
        let values = manager.get_many::<u64>(&names).await.unwrap();
        assert_eq!(values, [Some(1), Some(4), None, Some(9)]);
    })
    .await;
}

#[tokio::test]
async fn warming_does_not_count_as_fresh_what_is_not_there() {
    for store in Store::ALL {
        on_store(
            store,
            |config| config.max_value_size(1_000),
            async |TestCache { manager, .. }: TestCache| {
                let load = async |name: String| match name.as_str() {
                    "large" => Ok(vec![7_u8; 2_000]),
                    "small" => Ok(vec![7_u8; 10]),
                    _ => Err("no such value"),
                };
                let warmed =
                    manager.warm(["large", "small", "none"], MINUTE, 1, load).await.unwrap();
                assert_eq!((warmed.fresh, warmed.failed, warmed.missing), (1, 1, 1), "{store:?}");
            },
        )
        .await;
    }
}

#[tokio::test]
async fn warming_runs_as_many_loads_at_a_time_as_it_is_told() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        for (concurrency, expected) in [(1, 1), (4, 4), (0, 1), (100, 10)] {
            manager.flush_all().await;
            let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let load = async |_: String| {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // Time for all the others to begin, on Redis too.
                tokio::time::sleep(Duration::from_millis(30)).await;
                yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, ()>(1_u8)
            };
            let names = (0..10).map(|n| format!("warm:{n}"));
            manager.warm(names, MINUTE, concurrency, &load).await.unwrap();
            assert_eq!(most.load(Ordering::SeqCst), expected, "of {concurrency}");
        }
    })
    .await;
}

#[tokio::test]
async fn values_that_are_set_cost_one_another_next_to_nothing() {
    on_store(
        Store::Memory,
        |config| config,
        async |TestCache { manager, .. }: TestCache| {
            let names: Vec<String> = (0..50_000).map(|id| format!("session:{id}")).collect();
            manager.set_many(names.iter().map(|name| (name, &1_u8)), MINUTE).await.unwrap();
            let found = manager.get_many::<u8>(&names).await.unwrap().into_iter().flatten().count();
            assert!(found > names.len() * 9 / 10, "{found} of {} are left", names.len());
        },
    )
    .await;
}

/// Returns a cache on a server of its own behind a network that lets 16 KiB through in each of these pauses, and its
/// peer that goes without it.
async fn behind(
    pause: Duration,
    deadline: Duration,
) -> (RedisServer, Proxy, CacheManager, CacheManager) {
    let server = RedisServer::start();
    let proxy = Proxy::before(server.port());
    let config = CacheConfig::default().namespace(unique_namespace()).mode(Mode::Redis);
    let slow = config.clone().redis_url(format!("redis://127.0.0.1:{}", proxy.port()));
    let slow = slow.redis_timeout(deadline);
    let slow = CacheManager::connect(slow).await.unwrap();
    let quick = config.redis_url(server.url()).redis_timeout(Duration::from_secs(5));
    let quick = CacheManager::connect(quick).await.unwrap();
    until_up(&slow).await;
    until_up(&quick).await;
    proxy.slow(pause);
    (server, proxy, slow, quick)
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("large:{number}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn more_values_than_fit_into_one_deadline_are_read_and_stored() {
    let (_server, _proxy, slow, quick) = behind(Duration::from_millis(4), SECOND).await;
    // All of them together would take twice as long as a deadline.
    let names = names(200);
    let value = "x".repeat(40_000);
    let values = names.iter().map(|name| (name.as_str(), &value));
    let written = slow.set_many(values, MINUTE).await.unwrap();
    assert_eq!((written.stored, written.unconfirmed, written.overtaken), (200, 0, 0));
    let read = quick.get_many::<String>(&names).await.unwrap();
    assert_eq!(read.iter().flatten().count(), 200);
    let read = slow.get_many::<String>(&names).await.unwrap();
    assert_eq!(read.iter().flatten().count(), 200);
    let stats = slow.stats();
    assert_eq!(stats.redis_outages, 0, "{stats}");
    assert!(slow.health().await.reason.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn small_values_are_read_by_the_ten_thousand() {
    let (_server, proxy, slow, quick) = behind(Duration::ZERO, MINUTE).await;
    proxy.pass();
    let names: Vec<String> = (0..30_000).map(|number| format!("n:{number}")).collect();
    let values: Vec<(&str, &u64)> = names.iter().map(|name| (name.as_str(), &7)).collect();
    assert_eq!(quick.set_many(values, MINUTE).await.unwrap().stored, 30_000);
    let read = slow.get_many::<u64>(&names).await.unwrap();
    assert_eq!(read.into_iter().flatten().sum::<u64>(), 7 * 30_000);
    assert_eq!(slow.stats().redis_errors, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_takes_longer_than_a_deadline_is_waited_for_while_redis_answers() {
    let (_server, proxy, slow, quick) = behind(Duration::ZERO, SECOND).await;
    let (small, large) = ("x".repeat(100), "x".repeat(900_000));
    let names = names(40);
    let value = |name: &String| if name.ends_with(":17") { &large } else { &small };
    let values = names.iter().map(|name| (name.as_str(), value(name)));
    assert_eq!(quick.set_many(values, MINUTE).await.unwrap().stored, 40);
    // Two seconds for it, or more.
    proxy.slow(Duration::from_millis(36));
    let read = slow.get_many::<String>(&names).await.unwrap();
    assert_eq!(read.iter().flatten().count(), 40);
    let stats = slow.stats();
    assert_eq!((stats.redis_errors, stats.redis_outages), (0, 0), "{stats}");

    // By itself it has one deadline, and that is no outage either.
    assert_eq!(slow.get::<String>("large:17").await.unwrap(), None);
    assert!(slow.stats().redis_errors > 0);
    assert_eq!(slow.stats().redis_outages, 0);
    proxy.pass();
    until(async || slow.get::<String>("large:17").await.unwrap().as_ref() == Some(&large)).await;
    assert_eq!(slow.stats().redis_outages, 0);
}

#[tokio::test]
async fn values_that_redis_does_not_confirm_are_counted_and_said() {
    let cache = own_server(|config| config).await;
    cache.manager.set_many([("n:1", &1)], MINUTE).await.unwrap();
    cache.server().kill();
    until(async || cache.manager.ping().await.is_none()).await;
    let (log, _capture) = Log::capture();
    let written = cache.manager.set_many([("n:1", &2), ("n:2", &3)], MINUTE).await.unwrap();
    assert_eq!((written.stored, written.unconfirmed), (0, 2));
    assert_eq!(cache.manager.get("n:2").await.unwrap(), Some(3), "in memory");
    let said: Vec<_> = log.lines("WARN");
    let said = said.iter().filter(|line| line.contains("did not confirm some values")).count();
    assert_eq!(said, 1, "{}", log.text());
}
