//! `negative_ttl` and `cache_none`: what becomes of a `None`.

use std::time::Duration;

use cache_runtime::cached;

use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores};

/// `None` while the data are 0.
async fn found(source: &Source) -> Option<u64> {
    Some(source.read().await).filter(|value| *value != 0)
}

#[cached(ttl = 600, skip(source))]
async fn kept(source: &Source) -> Option<u64> {
    found(source).await
}

#[cached(ttl = 600, negative_ttl = 20, skip(source))]
async fn kept_for_less(source: &Source) -> Option<u64> {
    found(source).await
}

#[cached(ttl = 600, negative_ttl = "20s", skip(source))]
async fn kept_for_less_in_a_result(source: &Source) -> Result<Option<u64>, String> {
    Ok(found(source).await)
}

#[cached(ttl = 600, cache_none = false, skip(source))]
async fn not_kept(source: &Source) -> Option<u64> {
    found(source).await
}

#[tokio::test]
async fn a_none_is_a_value_like_any_other() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(0);
        assert_eq!(kept(&source).await, None);
        source.set(1);
        assert_eq!(kept(&source).await, None);
        assert_eq!(source.reads(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_none_may_be_fresh_for_another_time() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(0);
        assert_eq!(kept_for_less(&source).await, None);
        assert_eq!(kept_for_less_in_a_result(&source).await, Ok(None));
        source.set(1);
        cache.clock.advance(Duration::from_secs(15));
        assert_eq!(kept_for_less(&source).await, None);
        assert_eq!(kept_for_less_in_a_result(&source).await, Ok(None));
        cache.clock.advance(Duration::from_secs(10));
        assert_eq!(kept_for_less(&source).await, Some(1));
        assert_eq!(kept_for_less_in_a_result(&source).await, Ok(Some(1)));
        source.set(2);
        cache.clock.advance(Duration::from_secs(500));
        assert_eq!(kept_for_less(&source).await, Some(1), "a value has the longer time");
    })
    .await;
}

#[tokio::test]
async fn a_none_may_be_left_unstored() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(0);
        assert_eq!(not_kept(&source).await, None);
        assert_eq!(not_kept(&source).await, None);
        source.set(1);
        assert_eq!(not_kept(&source).await, Some(1));
        source.set(2);
        assert_eq!(not_kept(&source).await, Some(1));
        assert_eq!(source.reads(), 3);
    })
    .await;
}
