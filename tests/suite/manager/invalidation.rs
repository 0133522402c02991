//! `invalidate_prefix`, `invalidate_tag`, `clear`, `flush_all`.

use std::time::Duration;

use cache_runtime::{CacheManager, SetOptions};

use crate::stores::{Store, TestCache, on_each_store, on_stores};

const NAMES: [&str; 7] =
    ["user", "user:1", "user:1:name", "user:10", "user:1x", "users:1", "post:user:1"];

async fn fill(manager: &CacheManager) {
    manager.flush_all().await;
    let options = SetOptions::ttl(Duration::from_secs(60));
    manager.set_many(NAMES.into_iter().zip(&[0; 7]), options).await.unwrap();
}

/// Returns the names that are no longer there.
async fn gone(manager: &CacheManager) -> Vec<&'static str> {
    let values = manager.get_many::<i32>(&NAMES).await.unwrap();
    NAMES
        .into_iter()
        .zip(values)
        .filter(|(_, value)| value.is_none())
        .map(|(name, _)| name)
        .collect()
}

#[tokio::test]
async fn a_prefix_covers_its_segments_and_nothing_else() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        for (prefix, expected) in [
            ("user", &["user", "user:1", "user:1:name", "user:10", "user:1x"][..]),
            ("user:1", &["user:1", "user:1:name"]),
            ("user:1:name", &["user:1:name"]),
            ("post", &["post:user:1"]),
            ("us", &[]),
        ] {
            fill(&manager).await;
            manager.invalidate_prefix(prefix).await.unwrap();
            assert_eq!(gone(&manager).await, expected, "{prefix}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_pattern_covers_the_names_it_matches_and_counts_them() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        for (pattern, expected) in [
            ("*", &NAMES[..]),
            ("user", &["user"]),
            ("user:*", &["user:1", "user:1:name", "user:10", "user:1x"]),
            ("user:1*", &["user:1", "user:1:name", "user:10", "user:1x"]),
            ("user:1?", &["user:10", "user:1x"]),
            ("user:1[0-9]", &["user:10"]),
            ("user:1[^0-9]", &["user:1x"]),
            ("*:1", &["user:1", "users:1", "post:user:1"]),
            ("user:\\*", &[]),
            ("nothing*", &[]),
        ] {
            fill(&manager).await;
            assert_eq!(manager.clear(pattern).await.unwrap(), expected.len() as u64, "{pattern}");
            assert_eq!(gone(&manager).await, expected, "{pattern}");
        }
    })
    .await;
}

#[tokio::test]
async fn flush_all_removes_everything_and_counts_it() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        fill(&manager).await;
        assert_eq!(manager.flush_all().await, 7);
        assert_eq!(gone(&manager).await, NAMES);
        assert_eq!(manager.flush_all().await, 0);
    })
    .await;
}

/// In Redis it is gone by then, by the time of the server.
#[tokio::test]
async fn a_value_in_memory_whose_ttl_is_over_is_not_counted() {
    on_stores(
        &[Store::Memory, Store::Outage],
        async |TestCache { manager, clock, .. }: TestCache| {
            for clears_all in [false, true] {
                manager.set("a:1", &1, Duration::from_secs(10)).await.unwrap();
                manager.set("a:2", &2, Duration::from_secs(60)).await.unwrap();
                clock.advance(Duration::from_secs(20));
                let removed = if clears_all {
                    manager.flush_all().await
                } else {
                    manager.clear("a:*").await.unwrap()
                };
                assert_eq!(removed, 1, "{clears_all}");
            }
        },
    )
    .await;
}

#[tokio::test]
async fn what_is_set_after_an_invalidation_stays() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        fill(&manager).await;
        manager.invalidate_prefix("user").await.unwrap();
        manager.set("user:1", &1, Duration::from_secs(60)).await.unwrap();
        assert_eq!(manager.get("user:1").await.unwrap(), Some(1));
        manager.clear("*").await.unwrap();
        manager.set("user:1", &2, Duration::from_secs(60)).await.unwrap();
        assert_eq!(manager.get("user:1").await.unwrap(), Some(2));
    })
    .await;
}

#[tokio::test]
async fn a_tag_is_not_a_prefix() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        let options = SetOptions::ttl(Duration::from_secs(60)).tag("team:7");
        manager.set("user:1", &1, options).await.unwrap();
        for tag in ["team", "team:7:x", "team:70"] {
            manager.invalidate_tag(tag).await.unwrap();
            assert_eq!(manager.get("user:1").await.unwrap(), Some(1), "{tag}");
        }
        manager.invalidate_tag("team:7").await.unwrap();
        assert_eq!(manager.get::<i32>("user:1").await.unwrap(), None);
    })
    .await;
}
