//! The numbers a manager keeps.

use std::collections::HashMap;
use std::time::Duration;

use cache_runtime::{Counts, cached, with};
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores};

const MINUTE: Duration = Duration::from_secs(60);

#[cached(key_prefix = "statistics", key = "{id}", cost = 0.5)]
async fn item(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cached(key_prefix = "statistics:failing", key = "{id}")]
async fn failing(id: u64) -> Result<u64, String> {
    Err(id.to_string())
}

#[cached(key_prefix = "statistics:many", key = "{id}", each(id in ids))]
async fn many(ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, *id)).collect()
}

fn counts(cache: &TestCache) -> Counts {
    cache.manager.stats().total
}

#[tokio::test]
async fn hits_misses_and_loads_are_counted() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        for id in [1, 1, 2, 1] {
            item(&source, id).await;
        }
        failing(1).await.unwrap_err();
        let counts = counts(&cache);
        assert_eq!((counts.hits(), counts.misses), (2, 3));
        assert_eq!((counts.loads, counts.load_errors, counts.stores), (3, 1, 2));
        assert!((counts.hit_rate() - 0.4).abs() < 1e-9);
        let (memory, redis) = if cache.store.asks_redis_each_time() { (0, 2) } else { (2, 0) };
        assert_eq!((counts.memory_hits, counts.redis_hits), (memory, redis));
    })
    .await;
}

#[tokio::test]
async fn each_call_site_has_its_own_numbers() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        item(&source, 1).await;
        item(&source, 1).await;
        failing(1).await.unwrap_err();
        cache.manager.set("by:hand", &1, MINUTE).await.unwrap();
        cache.manager.get::<i32>("by:hand").await.unwrap();
        let stats = cache.manager.stats();
        let sites: Vec<_> = stats
            .sites
            .iter()
            .map(|site| (&*site.name, &*site.prefix, site.counts.hits(), site.counts.misses))
            .collect();
        let expected = [
            ("direct", "", 1, 0),
            ("suite::statistics::failing", "statistics:failing", 0, 1),
            ("suite::statistics::item", "statistics", 1, 1),
        ];
        assert_eq!(sites, expected);
        assert_eq!((stats.total.hits(), stats.total.misses), (2, 2));
    })
    .await;
}

#[async_trait::async_trait]
trait Feed {
    async fn feed(&self, user: &str) -> u64;
}

struct Pages<'a>(&'a str);

#[async_trait::async_trait]
impl Feed for Pages<'_> {
    #[cached(key = "{self.0}:{user}")]
    async fn feed(&self, user: &str) -> u64 {
        1
    }
}

#[tokio::test]
async fn a_call_site_has_the_name_that_the_registry_gives_it() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        Pages("new").feed("Ada").await;
        let mut sites = cache_runtime::registry().cached.into_iter().map(|site| site.location);
        let place =
            sites.find(|place| place.module == module_path!() && place.function == "feed").unwrap();
        assert_eq!(cache.manager.stats().sites[0].name, place.path);
    })
    .await;
}

#[tokio::test]
async fn callers_who_waited_are_counted() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let call = |source: Source| cache.spawn(async move { item(&source, 1).await });
        let leader = call(source.clone());
        hold.reached().await;
        assert_eq!(cache.manager.stats().flights, 1);
        let waiters = [call(source.clone()), call(source.clone())];
        yield_now().await;
        hold.release();
        for caller in waiters.into_iter().chain([leader]) {
            caller.await.unwrap();
        }
        let counts = counts(&cache);
        assert_eq!((counts.coalesced, counts.misses, counts.loads), (2, 3, 1));
        assert_eq!(counts.saved_cost, 1.0, "the body would have run three times");
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}

#[tokio::test]
async fn callers_who_share_a_read_of_redis_are_hits() {
    on_stores(&[Store::Redis], async |cache: TestCache| {
        let source = Source::new(1);
        let call = |source: Source| cache.spawn(async move { item(&source, 1).await });
        call(source.clone()).await.unwrap();
        cache.manager.reset_stats();
        let callers: Vec<_> = (0..64).map(|_| call(source.clone())).collect();
        for caller in callers {
            caller.await.unwrap();
        }
        let counts = counts(&cache);
        assert_eq!((counts.redis_hits, counts.misses, counts.coalesced), (64, 0, 0));
        assert_eq!((counts.loads, counts.hit_rate(), counts.saved_cost), (0, 1.0, 32.0));
    })
    .await;
}

#[cached(key_prefix = "statistics:slow", key = "{id}")]
async fn slow(id: u64) -> u64 {
    sleep(Duration::from_millis(20)).await;
    id
}

#[tokio::test]
async fn the_time_of_loads_and_what_hits_have_saved_of_it_are_measured() {
    on_each_store(async |cache: TestCache| {
        for _ in 0..4 {
            slow(1).await;
        }
        let counts = counts(&cache);
        let load = counts.mean_load();
        assert!(load >= Duration::from_millis(20), "{load:?}");
        assert_eq!(counts.time_saved(), load * 3);
    })
    .await;
}

#[tokio::test]
async fn invalidations_are_counted_and_what_they_keep_from_being_stored() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let load = {
            let source = source.clone();
            cache.spawn(async move { item(&source, 1).await })
        };
        hold.reached().await;
        cache.manager.invalidate_prefix("statistics").await.unwrap();
        hold.release();
        load.await.unwrap();
        let stats = cache.manager.stats();
        assert_eq!((stats.invalidations, stats.total.refused, stats.total.stores), (1, 1, 0));
    })
    .await;
}

#[tokio::test]
async fn the_size_of_the_memory_store_is_known_and_bounded() {
    // In an outage the memory that stands in for Redis has the same bound.
    for store in [Store::Memory, Store::Outage] {
        crate::stores::on_store(
            store,
            |config| config.memory_capacity(100_000),
            async |cache| {
                let value = vec![7_u8; 1_000];
                cache.manager.set("a:0", &value, MINUTE).await.unwrap();
                let stats = cache.manager.stats();
                assert_eq!((stats.entries, stats.capacity), (1, 100_000));
                assert!((1_000..2_000).contains(&stats.bytes), "{}", stats.bytes);
                for id in 1..1_000 {
                    cache.manager.set(&format!("a:{id}"), &value, MINUTE).await.unwrap();
                    assert!(cache.manager.stats().bytes <= 100_000);
                }
                assert!(cache.manager.stats().entries > 50, "the room is used");
            },
        )
        .await;
    }
}

#[tokio::test]
async fn a_value_over_the_limit_is_returned_and_counted() {
    for store in Store::ALL {
        crate::stores::on_store(
            store,
            |config| config.max_value_size(100),
            async |cache| {
                for _ in 0..2 {
                    assert_eq!(large(1).await.len(), 1_000);
                }
                let counts = counts(&cache);
                assert_eq!((counts.not_stored, counts.stores, counts.loads), (2, 0, 2));
            },
        )
        .await;
    }
}

#[cached(key = "{id}")]
async fn large(id: u8) -> Vec<u8> {
    vec![id; 1_000]
}

#[tokio::test]
async fn a_reset_starts_from_zero_and_keeps_the_values() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        item(&source, 1).await;
        cache.manager.invalidate_prefix("other").await.unwrap();
        cache.manager.reset_stats();
        let stats = cache.manager.stats();
        assert_eq!((stats.total, stats.invalidations), (Counts::default(), 0));
        item(&source, 1).await;
        let counts = counts(&cache);
        assert_eq!((counts.hits(), counts.misses), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn managers_count_apart() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let peer = cache.peer().await;
        item(&source, 1).await;
        with(&peer, item(&source, 2)).await;
        with(&peer, item(&source, 3)).await;
        assert_eq!(counts(&cache).loads, 1);
        assert_eq!(peer.stats().total.loads, 2);
    })
    .await;
}

#[tokio::test]
async fn statistics_can_be_read_by_people_and_by_programs() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let source = Source::new(1);
        item(&source, 1).await;
        item(&source, 1).await;
        let stats = cache.manager.stats();
        let table = stats.to_string();
        assert!(table.contains("suite::statistics::item") && table.contains("50.0%"), "{table}");
        let json = serde_json::to_value(&stats).unwrap();
        assert_eq!(json["total"]["hits"], 1);
        assert_eq!(json["total"]["hit_rate"], 0.5);
        assert_eq!(json["sites"][0]["name"], "suite::statistics::item");
    })
    .await;
}

#[tokio::test]
async fn the_table_has_the_mean_number_of_keys_of_a_batch_if_there_are_batches() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        item(&Source::new(1), 1).await;
        assert!(!cache.manager.stats().to_string().contains("batch"));
        many(&[1, 2, 3]).await;
        many(&[3, 4, 5]).await;
        let stats = cache.manager.stats();
        assert_eq!((stats.total.batches, stats.total.batch_keys), (2, 5));
        assert!((stats.total.mean_batch() - 2.5).abs() < 1e-9);
        let table = stats.to_string();
        let line = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line("call site").ends_with("  keys/batch"), "{table}");
        assert!(line("suite::statistics::many").ends_with("         2.5"), "{table}");
        assert!(line("total").ends_with("         2.5"), "{table}");
        let width = |name: &str| line(name).chars().count();
        assert_eq!(width("total"), width("call site"), "{table}");
        assert!(width("suite::statistics::item") < width("total"), "{table}");
    })
    .await;
}
