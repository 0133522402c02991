//! The entries that an invalidation by name, prefix, tag or pattern affects, and those that it leaves.

use std::time::Duration;

use cache_runtime::{CacheManager, Error, SetOptions, cache_invalidate, escape};

use crate::stores::{TestCache, on_each_store};

const TTL: Duration = Duration::from_secs(60);

async fn fill(cache: &CacheManager, names: &[&str]) {
    for name in names {
        cache.set(name, &1_u8, TTL).await.unwrap();
    }
}

/// Of these names, those that have a value.
async fn kept<'n>(cache: &CacheManager, names: &[&'n str]) -> Vec<&'n str> {
    let mut kept = Vec::new();
    for name in names {
        if cache.get::<u8>(name).await.unwrap().is_some() {
            kept.push(*name);
        }
    }
    kept
}

#[tokio::test]
async fn a_prefix_covers_what_is_below_it_and_nothing_that_only_begins_alike() {
    let names =
        ["user:1", "user:1:name", "user:1:name:short", "user:10", "user:10:name", "users:1"];
    on_each_store(async |cache: TestCache| {
        let cache = &cache.manager;
        fill(cache, &names).await;
        cache.invalidate_prefix("user:1").await.unwrap();
        assert_eq!(kept(cache, &names).await, ["user:10", "user:10:name", "users:1"]);
        cache.invalidate_prefix("user").await.unwrap();
        assert_eq!(kept(cache, &names).await, ["users:1"]);
    })
    .await;
}

#[tokio::test]
async fn a_longer_prefix_leaves_its_neighbours() {
    let names = ["a", "a:b", "a:b:1", "a:c", "a:c:1"];
    on_each_store(async |cache: TestCache| {
        let cache = &cache.manager;
        fill(cache, &names).await;
        cache.invalidate_prefix("a:b").await.unwrap();
        assert_eq!(kept(cache, &names).await, ["a", "a:c", "a:c:1"]);
        cache.invalidate_prefix("a").await.unwrap();
        assert!(kept(cache, &names).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn glob_characters_in_a_name_are_literal_and_in_a_prefix_or_tag_refused() {
    let names = ["[a-z]*:1", "b:1", "*:1", "bb:1"];
    on_each_store(async |cache: TestCache| {
        let cache = &cache.manager;
        fill(cache, &names).await;
        for pattern in ["*", "[a-z]*", "user:?"] {
            let refused = cache.invalidate_prefix(pattern).await.unwrap_err().to_string();
            assert!(refused.contains("covers everything below it"), "{refused}");
            let refused = cache.invalidate_tag(pattern).await.unwrap_err().to_string();
            assert!(refused.contains("matched as a whole"), "{refused}");
            let tagged = cache.set("a", &1, SetOptions::ttl(TTL).tag(pattern)).await;
            assert!(matches!(tagged, Err(Error::Name { what: "tag", .. })), "{tagged:?}");
        }
        assert_ne!(cache.delete("?:1").await.unwrap(), Some(true));
        assert_eq!(kept(cache, &names).await, names);
        cache.clear("\\*:*").await.unwrap();
        assert_eq!(kept(cache, &names).await, ["[a-z]*:1", "b:1", "bb:1"]);
    })
    .await;
}

#[cache_invalidate(prefix = "user:{id}")]
async fn change(id: &str) {
    _ = id;
}

#[tokio::test]
async fn what_is_put_into_a_template_is_literal() {
    let ids = ["*", "[a-z]", "1", "1:name", "%"];
    on_each_store(async |cache: TestCache| {
        let names: Vec<String> = ids.iter().map(|id| format!("user:{}:x", escape(id))).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for (id, own) in ids.iter().zip(&names) {
            fill(&cache.manager, &names).await;
            change(id).await;
            let mut others = names.clone();
            others.retain(|name| name != own);
            assert_eq!(kept(&cache.manager, &names).await, others, "{id}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_pattern_clears_and_counts_what_it_matches() {
    let names = ["user:1", "user:2", "user:10", "team:1", "user"];
    let cases: [(&str, u64, &[&str]); 5] = [
        ("user:?", 2, &["user:10", "team:1", "user"]),
        ("user:*", 3, &["team:1", "user"]),
        ("*:[12]", 3, &["user:10", "user"]),
        ("user:\\*", 0, &names),
        ("*", 5, &[]),
    ];
    on_each_store(async |cache: TestCache| {
        let cache = &cache.manager;
        for (pattern, count, left) in cases {
            cache.flush_all().await;
            fill(cache, &names).await;
            assert_eq!(cache.clear(pattern).await.unwrap(), count, "{pattern}");
            assert_eq!(kept(cache, &names).await, left, "{pattern}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_tag_reaches_its_values_wherever_they_are() {
    let names = ["user:1", "team:1", "team:2"];
    on_each_store(async |cache: TestCache| {
        let cache = &cache.manager;
        for name in ["user:1", "team:1"] {
            cache.set(name, &1_u8, SetOptions::ttl(TTL).tag("red").tag("a:b")).await.unwrap();
        }
        fill(cache, &["team:2"]).await;
        cache.invalidate_tag("a").await.unwrap();
        assert_eq!(kept(cache, &names).await, names, "a tag has no prefixes");
        cache.invalidate_tag("a:b").await.unwrap();
        assert_eq!(kept(cache, &names).await, ["team:2"]);
    })
    .await;
}

#[tokio::test]
async fn a_tag_reaches_values_that_are_read_together() {
    let names = ["user:1", "team:1"];
    on_each_store(async |cache: TestCache| {
        let cache = &cache.manager;
        cache.set("user:1", &1_u8, SetOptions::ttl(TTL).tag("red")).await.unwrap();
        cache.set("team:1", &2_u8, TTL).await.unwrap();
        assert_eq!(cache.get_many::<u8>(&names).await.unwrap(), [Some(1), Some(2)]);
        cache.invalidate_tag("red").await.unwrap();
        assert_eq!(cache.get_many::<u8>(&names).await.unwrap(), [None, Some(2)]);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_a_name_prefix_or_tag_is_refused() {
    on_each_store(async |cache: TestCache| {
        let cache = &cache.manager;
        fill(cache, &["user:1"]).await;
        let outcomes = [
            cache.invalidate_prefix("").await,
            cache.invalidate_prefix("user:").await,
            cache.invalidate_prefix("a:b:c:d:e:f:g").await,
            cache.invalidate_prefix("#root").await,
            cache.invalidate_prefix("user:*").await,
            cache.invalidate_prefix(":user").await,
            cache.invalidate_prefix("a::b").await,
            cache.invalidate_prefix(" ").await,
            cache.invalidate_tag("\u{2003}").await,
            cache.invalidate_tag("user:*").await,
            cache.invalidate_tag("").await,
            cache.invalidate_tag("a\nb").await,
            cache.set("", &1_u8, TTL).await,
            cache.set("#t:user", &1_u8, TTL).await,
            cache.delete("").await.map(drop),
            cache.clear("").await.map(drop),
            cache.clear(" ").await.map(drop),
            cache.clear("[]*").await.map(drop),
            cache.clear(&"x".repeat(201)).await.map(drop),
            cache.set(" ", &1_u8, TTL).await,
        ];
        for (i, outcome) in outcomes.into_iter().enumerate() {
            assert!(matches!(outcome, Err(Error::Name { .. })), "{i}: {outcome:?}");
        }
        assert_eq!(kept(cache, &["user:1"]).await, ["user:1"]);
    })
    .await;
}

#[tokio::test]
async fn very_long_names_are_apart_and_have_their_prefixes() {
    on_each_store(async |cache: TestCache| {
        let cache = &cache.manager;
        let (a, b) =
            (format!("long:{}:a", "x".repeat(1_000)), format!("long:{}:b", "x".repeat(1_000)));
        cache.set(&a, &1_u8, TTL).await.unwrap();
        cache.set(&b, &2_u8, TTL).await.unwrap();
        assert_eq!(cache.get(&a).await.unwrap(), Some(1_u8));
        assert_eq!(cache.get(&b).await.unwrap(), Some(2_u8));
        cache.invalidate_prefix(&format!("long:{}", "x".repeat(1_000))).await.unwrap();
        assert!(kept(cache, &[&a, &b]).await.is_empty());
    })
    .await;
}
