//! `max_memory` and `max_entries`: the part of memory that one function may take.

use std::time::Duration;

use cache_runtime::{CacheCall as _, CacheConfig, CacheManager, Counts, Error, Mode, cached, with};
use cache_tests::Counter;

use crate::log::Log;
use crate::stores::{Store, TestCache, on_each_store, on_stores};

const CAPACITY: usize = 4 << 20;
const HOUR: Duration = Duration::from_secs(3_600);

fn memory() -> CacheManager {
    let config = CacheConfig::default().mode(Mode::Memory).memory_capacity(CAPACITY);
    CacheManager::builder().config(config.max_value_size(200_000)).build().unwrap()
}

#[cached(ttl = "1h", max_entries = 10, key_prefix = "ten", key = "{id}")]
async fn ten(runs: &Counter, id: u64) -> u64 {
    runs.hit();
    id
}

#[cached(ttl = "1h", max_entries = 1, skip(runs))]
async fn one(runs: &Counter, id: u64) -> u64 {
    runs.hit();
    id
}

#[cached(ttl = "1h", max_memory = "256KiB", key_prefix = "noisy", skip(runs))]
async fn noisy(runs: &Counter, id: u64) -> Vec<u8> {
    runs.hit();
    vec![id as u8; 4_000]
}

#[cached(ttl = "1h", max_memory = "64KiB", max_entries = 1, skip(runs))]
async fn one_of_two_limits(runs: &Counter, id: u64) -> Vec<u8> {
    runs.hit();
    vec![id as u8; 40_000]
}

#[cached(ttl = "1h", max_memory = "256KiB", max_entries = 20, skip(runs))]
async fn both(runs: &Counter, id: u64, size: usize) -> Vec<u8> {
    runs.hit();
    vec![id as u8; size]
}

#[cached(ttl = "1h", key_prefix = "quiet", key = "{id}")]
async fn quiet(runs: &Counter, id: u64) -> u64 {
    runs.hit();
    id
}

fn counts(manager: &CacheManager, function: &str) -> Counts {
    let sites = manager.stats().sites;
    sites.iter().find(|site| site.name.ends_with(function)).unwrap().counts
}

/// Returns the number of these calls that memory answers, without loading.
async fn kept<T>(calls: impl IntoIterator<Item = impl Future<Output = T>>) -> usize {
    let mut kept = 0;
    for call in calls {
        kept += usize::from(call.cache_entry().peek().await.unwrap().is_some());
    }
    kept
}

#[tokio::test]
async fn a_function_keeps_at_most_its_number_of_entries() {
    on_each_store(async |cache: TestCache| {
        let runs = Counter::new();
        for id in 0..100 {
            ten(&runs, id).await;
            one(&runs, id).await;
            quiet(&runs, id).await;
        }
        let (tens, ones) = (counts(&cache.manager, "ten"), counts(&cache.manager, "one"));
        match cache.store {
            Store::Memory => assert_eq!((tens.evictions, ones.evictions), (90, 99)),
            // While Redis has the values, copies in memory are limited in the same way.
            Store::Tiered | Store::TieredCluster => assert!(tens.evictions >= 90, "{tens:?}"),
            Store::Redis | Store::Cluster => assert_eq!(tens.evictions, 0),
            Store::Outage => assert!(tens.evictions >= 90, "{tens:?}"),
        }
        assert_eq!(counts(&cache.manager, "quiet").evictions, 0);
    })
    .await;
}

#[tokio::test]
async fn the_newest_entry_is_kept_in_the_smallest_room() {
    with(&memory(), async {
        let runs = Counter::new();
        for id in 0..50 {
            one(&runs, id).await;
            one(&runs, id).await;
            assert_eq!(runs.count() as u64, id + 1);
        }
        assert_eq!(kept((0..50).map(|id| one(&runs, id))).await, 1);
        for id in 0..50 {
            ten(&runs, id).await;
        }
        assert_eq!(kept((0..50).map(|id| ten(&runs, id))).await, 10);
    })
    .await;
}

#[tokio::test]
async fn a_noisy_function_displaces_its_own_entries_alone() {
    let manager = memory();
    with(&manager, async {
        let runs = Counter::new();
        for id in 0..1_000 {
            quiet(&runs, id).await;
        }
        for id in 0..5_000 {
            noisy(&runs, id).await;
        }
        assert_eq!(kept((0..1_000).map(|id| quiet(&runs, id))).await, 1_000);
        let noisy_ones = kept((0..5_000).map(|id| noisy(&runs, id))).await;
        assert!((40..=62).contains(&noisy_ones), "{noisy_ones}");
        let counts = |function| counts(&manager, function).evictions;
        assert_eq!((counts("quiet"), counts("noisy")), (0, 5_000 - noisy_ones as u64));
        assert_eq!(manager.stats().entries, 1_000 + noisy_ones as u64);
    })
    .await;
}

#[tokio::test]
async fn entries_in_use_stay_in_a_room() {
    with(&memory(), async {
        let runs = Counter::new();
        for id in 0..2_000 {
            noisy(&runs, id).await;
            noisy(&runs, 0).await;
        }
        assert_eq!(runs.count(), 2_000);
    })
    .await;
}

#[tokio::test]
async fn neither_of_two_limits_is_exceeded() {
    let manager = memory();
    with(&manager, async {
        let runs = Counter::new();
        for id in 0..200 {
            both(&runs, id, 10).await;
        }
        assert_eq!(kept((0..200).map(|id| both(&runs, id, 10))).await, 20);
        for id in 0..200 {
            both(&runs, id, 50_000).await;
        }
        let before = runs.count();
        for id in 0..20 {
            one_of_two_limits(&runs, id).await;
            one_of_two_limits(&runs, id).await;
        }
        assert_eq!(runs.count(), before + 20);
        assert_eq!(kept((0..20).map(|id| one_of_two_limits(&runs, id))).await, 1);
        assert!(manager.stats().bytes <= 256 << 10, "{}", manager.stats().bytes);
    })
    .await;
}

#[tokio::test]
async fn what_leaves_a_room_in_another_way_leaves_space_in_it() {
    let manager = memory();
    with(&manager, async {
        let runs = Counter::new();
        for round in 0..20 {
            for id in 0..10 {
                ten(&runs, id).await;
            }
            assert_eq!(kept((0..10).map(|id| ten(&runs, id))).await, 10, "{round}");
            match round % 3 {
                0 => _ = manager.flush_all().await,
                1 => _ = manager.delete("ten:3").await.unwrap(),
                _ => ten(&runs, 4).cache_entry().refresh().await.map(drop).unwrap(),
            }
        }
        assert_eq!(counts(&manager, "ten").evictions, 0);
    })
    .await;
}

#[tokio::test]
async fn other_entries_displace_those_in_a_room() {
    let manager = memory();
    with(&manager, async {
        let runs = Counter::new();
        for id in 0..40 {
            noisy(&runs, id).await;
        }
        for id in 0..40_000_u64 {
            let name = format!("other:{id}");
            manager.set(&name, &[id; 16], HOUR).await.unwrap();
            // Entries that are used displace those that are not.
            for _ in 0..3 {
                manager.get::<[u64; 16]>(&name).await.unwrap();
            }
        }
        assert!(kept((0..40).map(|id| noisy(&runs, id))).await < 40);
        for id in 100..140 {
            noisy(&runs, id).await;
            noisy(&runs, id).await;
        }
        assert_eq!(runs.count(), 80);
    })
    .await;
}

#[tokio::test]
async fn an_entry_larger_than_its_room_is_not_stored() {
    let manager = memory();
    with(&manager, async {
        let runs = Counter::new();
        both(&runs, 1, 270_000).await;
        assert_eq!(both(&runs, 1, 270_000).await.len(), 270_000);
        assert_eq!((runs.count(), counts(&manager, "both").not_stored), (2, 2));
        let value = vec![1_u8; 195_000];
        let refused = both(&runs, 1, 5).cache_entry().put(value.clone()).await;
        assert!(refused.is_ok());
        let refused = small(1).cache_entry().put(value).await.unwrap_err();
        assert!(matches!(refused, Error::NoRoom { .. }), "{refused:?}");
        assert!(refused.to_string().contains("max_memory"), "{refused}");
    })
    .await;
}

#[cached(ttl = "1h", max_memory = LIMIT)]
async fn small(id: u64) -> Vec<u8> {
    vec![id as u8]
}

const LIMIT: u64 = 10_000;

#[cached(ttl = "1h", max_entries = 4)]
async fn generic<T: Into<u64> + serde::Serialize + Send + Sync + 'static>(id: T) -> u64 {
    id.into()
}

#[tokio::test]
async fn the_instances_of_a_function_share_its_room() {
    let manager = memory();
    with(&manager, async {
        for id in 0..50_u8 {
            generic(id).await;
            generic(u32::from(id)).await;
        }
        assert_eq!(manager.stats().entries, 4);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_fill_a_room_at_once() {
    let manager = memory();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            crate::stores::spawn_with(&manager, async move {
                let runs = Counter::new();
                for id in 0..2_000 {
                    ten(&runs, id * 8 + task).await;
                    noisy(&runs, id % 100).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let stats = manager.stats();
    assert!(stats.bytes <= (256 << 10) + 10 * 1_000, "{}", stats.bytes);
    let evicted = counts(&manager, "ten");
    assert_eq!(evicted.stores - evicted.evictions, 10, "{evicted:?}");
}

#[cached(ttl = "1h", max_memory = "1MiB", reserved = true, key_prefix = "kept", skip(runs))]
async fn reserved(runs: &Counter, id: u64) -> Vec<u8> {
    runs.hit();
    vec![id as u8; 4_000]
}

#[cached(ttl = "1h", max_memory = "512KiB", reserved = true, key_prefix = "named", key = "{id}")]
async fn named(runs: &Counter, id: u64) -> Vec<u8> {
    runs.hit();
    vec![id as u8; 4_000]
}

#[cached(ttl = "1h", max_memory = "1MiB", reserved = true, skip(runs))]
async fn too_much(runs: &Counter, id: u64) -> Vec<u8> {
    runs.hit();
    vec![id as u8; 4_000]
}

#[tokio::test]
async fn others_do_not_take_a_reserved_room() {
    let manager = memory();
    with(&manager, async {
        let runs = Counter::new();
        for id in 0..100 {
            reserved(&runs, id).await;
            named(&runs, id).await;
        }
        for id in 0..20_000_u64 {
            let name = format!("other:{id}");
            manager.set(&name, &[id; 32], HOUR).await.unwrap();
            for _ in 0..3 {
                manager.get::<[u64; 32]>(&name).await.unwrap();
            }
        }
        for id in 0..100 {
            assert_eq!(reserved(&runs, id).await.len(), 4_000);
            assert_eq!(named(&runs, id).await[0], id as u8);
        }
        assert_eq!(runs.count(), 200);
        let stats = manager.stats();
        assert!(stats.bytes <= CAPACITY as u64, "{}", stats.bytes);
        assert_eq!(stats.capacity, CAPACITY as u64);
        assert!(stats.bytes > CAPACITY as u64 / 2, "{}", stats.bytes);

        for id in 100..1_000 {
            reserved(&runs, id).await;
        }
        let there = kept((0..1_000).map(|id| reserved(&runs, id))).await;
        assert!((230..=250).contains(&there), "{there}");
        assert_eq!(counts(&manager, "::reserved").evictions, 1_000 - there as u64);
    })
    .await;
}

#[tokio::test]
async fn entries_in_a_reserved_room_are_invalidated_and_inspected_like_others() {
    on_each_store(async |cache: TestCache| {
        let runs = Counter::new();
        let manager = &cache.manager;
        for round in 1..=3 {
            for id in 0..10 {
                named(&runs, id).await;
                reserved(&runs, id).await;
            }
            assert_eq!(runs.count(), round * 20);
            assert_eq!(manager.get::<Vec<u8>>("named:3").await.unwrap().unwrap()[0], 3);
            assert!(manager.inspect("named:3").await.unwrap().is_some());
            assert_eq!(manager.delete("named:3").await.unwrap(), Some(true));
            assert!(manager.get::<Vec<u8>>("named:3").await.unwrap().is_none());
            manager.set("named:3", &vec![30_u8], HOUR).await.unwrap();
            assert_eq!(manager.get("named:3").await.unwrap(), Some(vec![30_u8]));
            manager.invalidate_prefix("named").await.unwrap();
            assert_eq!(manager.clear("kept:*").await.unwrap(), 10);
            assert!(manager.get::<Vec<u8>>("named:4").await.unwrap().is_none());
        }
    })
    .await;
}

#[tokio::test]
async fn a_reserved_room_is_taken_from_entries_that_are_there() {
    let manager = memory();
    with(&manager, async {
        let runs = Counter::new();
        for id in 0..60 {
            noisy(&runs, id).await;
        }
        for id in 0..20_000_u64 {
            let name = format!("other:{id}");
            manager.set(&name, &[id; 32], HOUR).await.unwrap();
        }
        let direct = manager.stats().total.evictions;
        let there = manager.stats().entries;
        reserved(&runs, 1).await;
        let stats = manager.stats();
        assert_eq!(stats.total.evictions - direct, there + 1 - stats.entries);
        assert!(stats.bytes <= (3 << 20) + 5_000, "{}", stats.bytes);
        // An entry that has left the table has left its room as well.
        let left = kept((0..60).map(|id| noisy(&runs, id))).await;
        for id in 1_000..1_000 + (60 - left as u64) {
            noisy(&runs, id).await;
        }
        let evicted = counts(&manager, "::noisy").evictions;
        assert_eq!(
            kept((0..2_000).map(|id| noisy(&runs, id))).await as u64,
            120 - left as u64 - evicted
        );
    })
    .await;
}

#[tokio::test]
async fn a_value_is_set_under_the_name_of_an_entry_in_a_reserved_room() {
    on_each_store(async |cache: TestCache| {
        let runs = Counter::new();
        reserved(&runs, 7).await;
        let name = reserved(&runs, 7).cache_entry().name().unwrap();
        cache.manager.set(&name, &vec![70_u8], HOUR).await.unwrap();
        assert_eq!(cache.manager.get(&name).await.unwrap(), Some(vec![70_u8]));
        assert_eq!(reserved(&runs, 7).await, [70]);
        assert_eq!(runs.count(), 1);
        assert_eq!(cache.manager.delete(&name).await.unwrap(), Some(true));
        assert_eq!(cache.manager.get::<Vec<u8>>(&name).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn no_more_than_half_of_the_memory_is_reserved() {
    let (log, _capture) = Log::capture();
    let manager = memory();
    with(&manager, async {
        let runs = Counter::new();
        reserved(&runs, 1).await;
        named(&runs, 1).await;
        assert!(!log.text().contains("not reserved"), "{log:?}");
        too_much(&runs, 1).await;
        too_much(&runs, 1).await;
        assert_eq!((runs.count(), log.text().matches("is not reserved").count()), (3, 1));
        assert!(log.text().contains("too_much"), "{log:?}");
    })
    .await;
}

#[tokio::test]
async fn copies_in_memory_have_a_room_as_well() {
    on_stores(&[Store::Tiered], async |cache: TestCache| {
        let runs = Counter::new();
        for id in 0..100 {
            ten(&runs, id).await;
        }
        assert_eq!(cache.manager.stats().entries, 10);
        for id in 0..100 {
            ten(&runs, id).await;
        }
        assert_eq!(runs.count(), 100);
        assert_eq!(cache.manager.stats().entries, 10);
    })
    .await;
}
