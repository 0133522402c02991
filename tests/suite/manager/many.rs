//! `get_many`, `set_many`, `warm`: many names at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_runtime::{SetOptions, Ttl};
use cache_tests::Counter;
use tokio::task::yield_now;

use crate::stores::{Store, TestCache, on_each_store, on_store};

const MINUTE: Duration = Duration::from_secs(60);

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
