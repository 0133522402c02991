//! `negative_ttl` and `cache_none`: what becomes of a `None`.

use std::time::Duration;

use cache_runtime::cached;

use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores};

/// Returns `None` while the data are 0.
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

#[cached(ttl = 600, negative_ttl = 20, stale_while_revalidate = "10m", skip(source))]
async fn revalidated(source: &Source) -> Option<u64> {
    found(source).await
}

#[cached(ttl = 600, negative_ttl = 20, stale_if_error = "10m", skip(source))]
async fn served_if_error(source: &Source) -> Result<Option<u64>, String> {
    match source.read().await {
        FAILING => Err("no data".to_owned()),
        value => Ok(Some(value).filter(|value| *value != 0)),
    }
}

const FAILING: u64 = 9;

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

/// The stale window is for values: an absence is believed for `negative_ttl` and no longer.
#[tokio::test]
async fn a_none_with_a_ttl_of_its_own_is_not_served_past_it() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(0);
        assert_eq!(revalidated(&source).await, None);
        assert_eq!(served_if_error(&source).await, Ok(None));
        cache.clock.advance(Duration::from_secs(25));
        source.set(1);
        assert_eq!(revalidated(&source).await, Some(1));
        assert_eq!(source.reads(), 3, "the caller has loaded it");
        source.set(FAILING);
        assert_eq!(served_if_error(&source).await, Err("no data".to_owned()));
        assert_eq!(cache.manager.stats().total.stale_served, 0);
    })
    .await;
}

#[tokio::test]
async fn a_value_beside_a_negative_ttl_is_served_past_its_ttl() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(revalidated(&source).await, Some(1));
        assert_eq!(served_if_error(&source).await, Ok(Some(1)));
        cache.clock.advance(Duration::from_secs(700));
        source.set(FAILING);
        assert_eq!(served_if_error(&source).await, Ok(Some(1)));
        source.set(2);
        assert_eq!(revalidated(&source).await, Some(1));
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
