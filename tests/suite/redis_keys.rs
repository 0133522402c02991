//! What the cache leaves in Redis: everything of it ends by itself, but what is kept forever.

use std::collections::BTreeMap;
use std::time::Duration;

use cache_runtime::{SetOptions, cached};

use crate::source::Source;
use crate::stores::{Store, TestCache, on_stores};

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

/// The keys of this cache, without the namespace, and how many milliseconds they have left.
fn keys(cache: &TestCache) -> BTreeMap<String, i64> {
    let pattern = cache.redis_key("*");
    let names: Vec<String> = cache.server().cli(&["KEYS", &pattern]);
    let left = |name: &String| cache.server().cli::<i64>(&["PTTL", name]);
    let own = pattern.len() - 1;
    names.iter().map(|name| (name[own..].to_owned(), left(name))).collect()
}

#[tokio::test]
async fn every_key_ends_by_itself() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (source, manager) = (Source::new(1), &cache.manager);
        item(&source, 1).await;
        manager
            .set("hand:1", &1, SetOptions::from(Duration::from_secs(60)).tag("t"))
            .await
            .unwrap();
        manager.invalidate_prefix("keys").await.unwrap();
        manager.clear("hand:*").await.unwrap();
        manager.flush_all().await;
        item(&source, 1).await;
        let hold = source.hold();
        let load = {
            let source = source.clone();
            cache.spawn(async move { item(&source, 2).await })
        };
        hold.reached().await;
        let keys = keys(&cache);
        for name in ["keys:item:1", "keys:item:2", "#root", "#t:keys", "#t:keys_tag"] {
            assert!(keys.contains_key(name), "{name} is not among {keys:?}");
        }
        for (name, left) in &keys {
            assert!(*left > 0, "{name} has {left} ms left");
        }
        assert!(keys["keys:item:1"] <= 60_000);
        assert!(keys["keys:item:2"] <= 300_000, "the mark of a load ends with the longest load");
        assert!(keys["#t:keys"] > DAY_MS / 2, "a token outlives what depends on it");
        hold.release();
        load.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn only_what_is_kept_forever_and_its_tokens_have_no_end() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
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
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
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
