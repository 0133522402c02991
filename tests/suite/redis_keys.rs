//! The keys that the cache leaves in Redis. All of them expire, except those of entries that are kept
//! forever.

use std::collections::BTreeMap;
use std::time::Duration;

use cache_runtime::{CacheConfig, Error, SetOptions, cache_put, cached};

use crate::source::Source;
use crate::stores::{Store, TestCache, on_store, on_stores, until};

const DAY_MS: i64 = 24 * 3600 * 1000;

#[cached(ttl = "1m", key_prefix = "keys:item", key = "{id}", tags = ["keys_tag"])]
async fn item(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cached(ttl = "forever", key_prefix = "kept", key = "{id}", tags = ["kept_tag"])]
async fn kept(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

/// Returns the keys of this cache, without the namespace, and how many milliseconds they have left.
fn keys(cache: &TestCache) -> BTreeMap<String, i64> {
    let pattern = cache.redis_key("*");
    let names: Vec<String> = cache.server().cli(&["KEYS", &pattern]);
    let left = |name: &String| cache.server().cli::<i64>(&["PTTL", name]);
    let own = pattern.len() - 1;
    names.iter().map(|name| (name[own..].to_owned(), left(name))).collect()
}

/// A load that replaces an entry has its lease beside it.
#[cached(
    ttl = "1m",
    stale_while_revalidate = "1m",
    coalesce = "fleet",
    key_prefix = "keys:leased",
    key = "{id}"
)]
async fn leased(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cache_put(entry = item(source, id))]
async fn put(source: &Source, id: u64) -> u64 {
    _ = (source, id);
    2
}

#[tokio::test]
async fn every_key_ends_by_itself() {
    for store in Store::ONE_SERVER {
        let reporting = |config: CacheConfig| config.stats_interval(Duration::from_millis(20));
        on_store(store, reporting, async |cache: TestCache| {
            let (source, manager) = (Source::new(1), &cache.manager);
            let ttl = SetOptions::from(Duration::from_secs(60));
            item(&source, 1).await;
            manager.set("hand:1", &1, ttl.clone().tag("t")).await.unwrap();
            manager.invalidate_prefix("keys").await.unwrap();
            manager.clear("hand:*").await.unwrap();
            manager.flush_all().await;
            item(&source, 1).await;
            put(&source, 3).await;
            manager.set_many([("hand:2", &1), ("hand:3", &1)], ttl.clone()).await.unwrap();
            let load = async || Ok::<_, Error>(1);
            manager.get_or_load("hand:4", ttl, load).await.unwrap();
            leased(&source, 1).await;
            cache.clock.advance(Duration::from_secs(61));
            // A load without waiting callers, and one with a waiting caller.
            let replacing = source.hold();
            assert_eq!(leased(&source, 1).await, 1);
            replacing.reached().await;
            let hold = source.hold();
            let load = {
                let source = source.clone();
                cache.spawn(async move { item(&source, 2).await })
            };
            hold.reached().await;
            until(async || keys(&cache).contains_key("#stats")).await;

            let keys = keys(&cache);
            let loaded = ["keys:item:1", "keys:item:2", "keys:item:3", "keys:leased:1"];
            let direct = ["hand:2", "hand:3", "hand:4"];
            let beside = ["#root", "#t:keys", "#t:keys_tag", "#lease:keys:leased:1"];
            for name in loaded.into_iter().chain(direct).chain(beside) {
                assert!(keys.contains_key(name), "{name} is not among {keys:?}");
            }
            for (name, left) in &keys {
                assert!(*left > 0, "{name} has {left} ms left");
            }
            assert!(keys["keys:item:1"] <= 60_000);
            assert!(
                keys["keys:item:2"] <= 300_000,
                "the placeholder of a load ends with the longest load"
            );
            assert!(keys["#lease:keys:leased:1"] <= 2_000);
            assert!(keys["#t:keys"] > DAY_MS / 2, "a token outlives what depends on it");
            hold.release();
            replacing.release();
            load.await.unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn only_what_is_kept_forever_and_its_tokens_have_no_end() {
    on_stores(&Store::ONE_SERVER, async |cache: TestCache| {
        cache.leaves_endless_keys();
        let source = Source::new(1);
        item(&source, 1).await;
        kept(&source, 1).await;
        let endless: Vec<_> = keys(&cache)
            .into_iter()
            .filter(|(_, left)| *left == -1)
            .map(|(name, _)| name)
            .collect();
        assert_eq!(endless, ["#root", "#t:kept", "#t:kept_tag", "kept:1"]);
    })
    .await;
}

#[tokio::test]
async fn a_load_that_fails_leaves_no_mark() {
    on_stores(&Store::ONE_SERVER, async |cache: TestCache| {
        failing(1).await.unwrap_err();
        unwanted(1).await;
        let names: Vec<_> = keys(&cache).into_keys().collect();
        assert!(names.iter().all(|name| name.starts_with('#')), "{names:?}");
    })
    .await;
}

#[cached(key = "{id}")]
async fn failing(id: u64) -> Result<u64, String> {
    Err(id.to_string())
}

#[cached(key = "{id}", cache_if = |_| false)]
async fn unwanted(id: u64) -> u64 {
    id
}
