//! The statistics of functions of many keys: ids count as hits and misses.

use super::data::{Rows, many, rows};
use crate::stores::{Store, TestCache, on_stores};

#[tokio::test]
async fn each_id_is_a_hit_or_a_miss_and_each_body_is_one_load() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let data = Rows::new();
        many(&data, &[1, 2, 3]).await;
        many(&data, &[2, 3, 4, 4]).await;
        rows(&data, &[7, 8]).await.unwrap();
        rows(&data, &[7, 8]).await.unwrap();
        let total = cache.manager.stats().total;
        assert_eq!((total.misses, total.loads, total.stores), (6, 3, 6));
        assert_eq!((total.batches, total.batch_keys), (3, 6));
        assert_eq!(total.hits(), 4);
        let stats = cache.manager.stats();
        let of = |prefix: &str| {
            let site = stats.sites.iter().find(|site| site.prefix == prefix).unwrap();
            (site.counts.misses, site.counts.hits(), site.counts.batches)
        };
        assert_eq!(of("many"), (4, 2, 2));
        assert_eq!(of("row"), (2, 2, 1), "the entries are those of the function of one id");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_counted_as_cached_while_the_cache_is_off() {
    let off = |config: cache_runtime::CacheConfig| config.mode(cache_runtime::Mode::Off);
    let cache = TestCache::new(Store::Memory, off).await;
    cache_runtime::with(&cache.manager, async {
        let data = Rows::new();
        for _ in 0..2 {
            many(&data, &[1, 1, 2]).await;
            rows(&data, &[1, 2]).await.unwrap();
        }
        assert_eq!(data.bodies(), [vec![1, 1, 2], vec![1, 2], vec![1, 1, 2], vec![1, 2]]);
        let total = cache.manager.stats().total;
        assert_eq!((total.misses, total.hits(), total.bypassed), (0, 0, 10));
    })
    .await;
}
