//! The ways in which a function that changes data may end, and the invalidations that follow.

use std::time::Duration;

use cache_runtime::{CacheManager, cache_invalidate, cache_put, cached};

use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores, spawn_with, until};
use crate::video::{NAME, video};

/// Tagged like the video, under another prefix.
const OTHER: &str = "list:1";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Ok,
    Err,
    Panic,
    Dropped,
}

async fn body(source: &Source, end: End) -> Result<(), String> {
    source.read().await;
    match end {
        End::Ok | End::Dropped => Ok(()),
        End::Err => Err("refused".into()),
        End::Panic => panic!("part of the test"),
    }
}

#[cache_invalidate(prefix = "video", tags = ["team:{team}"])]
async fn on_success(source: Source, end: End, team: &str) -> Result<(), String> {
    body(&source, end).await
}

#[cache_invalidate(prefix = "video", tags = ["team:{team}"], when = "always")]
async fn always(source: Source, end: End, team: &str) -> Result<(), String> {
    body(&source, end).await
}

#[cache_invalidate(prefix = "video", tags = ["team:{team}"], when = "before")]
async fn before(source: Source, end: End, team: &str) -> Result<(), String> {
    body(&source, end).await
}

/// The cached function whose entry others select by its call.
#[cached(ttl = "1m", key_prefix = "video:meta", key = "{id}")]
async fn meta(id: u64) -> u64 {
    id
}

#[cache_invalidate(entry = meta(7))]
async fn entry_on_success(source: Source, end: End) -> Result<(), String> {
    body(&source, end).await
}

#[cache_invalidate(entry = meta(7), when = "always")]
async fn entry_always(source: Source, end: End) -> Result<(), String> {
    body(&source, end).await
}

#[cache_invalidate(entry = meta(7), when = "before")]
async fn entry_before(source: Source, end: End) -> Result<(), String> {
    body(&source, end).await
}

#[cache_put(entry = meta(7))]
async fn put_on_success(source: Source, end: End) -> Result<u64, String> {
    body(&source, end).await.map(|()| PUT)
}

/// Returns which of the two entries still exist.
async fn kept(cache: &CacheManager) -> (bool, bool) {
    let is_kept = async |name| cache.get::<u64>(name).await.unwrap().is_some();
    (is_kept(NAME).await, is_kept(OTHER).await)
}

/// Fills both entries, runs the function to this end, and says what is kept.
async fn kept_after<F>(cache: &TestCache, end: End, call: fn(Source, End) -> F) -> (bool, bool)
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    fill(&cache.manager).await;
    ended(cache, end, call).await;
    kept(&cache.manager).await
}

/// Runs the function to this end.
async fn ended<F, T>(cache: &TestCache, end: End, call: fn(Source, End) -> F)
where
    F: Future<Output = Result<T, String>> + Send + 'static,
    T: Send + 'static,
{
    let source = Source::new(0);
    let hold = source.hold();
    let call = cache.spawn(call(source.clone(), end));
    hold.reached().await;
    if end == End::Dropped {
        call.abort();
    }
    hold.release();
    let ended = match call.await {
        Ok(Ok(_)) => End::Ok,
        Ok(Err(_)) => End::Err,
        Err(error) if error.is_panic() => End::Panic,
        Err(_) => End::Dropped,
    };
    assert_eq!(ended, end);
}

/// Stores both entries. An invalidation of the last call that did not end may be repeated meanwhile.
async fn fill(cache: &CacheManager) {
    let options = cache_runtime::SetOptions::ttl(Duration::from_secs(60)).tag("team:red");
    until(async || {
        for name in [NAME, OTHER] {
            cache.set(name, &1_u64, options.clone()).await.unwrap();
        }
        kept(cache).await == KEPT
    })
    .await;
}

const KEPT: (bool, bool) = (true, true);
const GONE: (bool, bool) = (false, false);
/// The value of the put; the earlier value is 1.
const PUT: u64 = 2;

#[tokio::test]
async fn on_success_an_error_alone_leaves_everything() {
    let ends = [(End::Ok, GONE), (End::Err, KEPT), (End::Panic, GONE), (End::Dropped, GONE)];
    on_each_store(async |cache: TestCache| {
        for (end, expected) in ends {
            let call = |source, end| on_success(source, end, "red");
            assert_eq!(kept_after(&cache, end, call).await, expected, "{end:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn always_means_every_end() {
    on_each_store(async |cache: TestCache| {
        for end in [End::Ok, End::Err, End::Panic, End::Dropped] {
            let call = |source, end| always(source, end, "red");
            assert_eq!(kept_after(&cache, end, call).await, GONE, "{end:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn before_means_whatever_comes() {
    on_each_store(async |cache: TestCache| {
        for end in [End::Ok, End::Err, End::Panic, End::Dropped] {
            let call = |source, end| before(source, end, "red");
            assert_eq!(kept_after(&cache, end, call).await, GONE, "{end:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_entry_is_invalidated_as_when_says() {
    on_each_store(async |cache: TestCache| {
        for end in [End::Ok, End::Err, End::Panic, End::Dropped] {
            let kept = end == End::Err;
            assert_eq!(entry_kept_after(&cache, end, entry_on_success).await, kept, "{end:?}");
            assert!(!entry_kept_after(&cache, end, entry_always).await, "{end:?}");
            assert!(!entry_kept_after(&cache, end, entry_before).await, "{end:?}");
        }
    })
    .await;
}

/// Returns whether the entry that the function names is still there. The other entry always is.
async fn entry_kept_after<F>(cache: &TestCache, end: End, call: fn(Source, End) -> F) -> bool
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let (is_kept, _) = kept_after(cache, end, call).await;
    until_confirmed(cache).await;
    assert_eq!(kept(&cache.manager).await, (is_kept, true), "{end:?}");
    is_kept
}

/// Waits until the other entry can be read: not while something is pending.
async fn until_confirmed(cache: &TestCache) {
    until(async || cache.manager.exists(OTHER).await.unwrap()).await;
}

/// If a body does not complete, it is unknown what it has written.
#[tokio::test]
async fn a_put_that_does_not_succeed_leaves_nothing_that_may_be_outdated() {
    let ends =
        [(End::Ok, Some(PUT)), (End::Err, Some(1)), (End::Panic, None), (End::Dropped, None)];
    on_each_store(async |cache: TestCache| {
        for (end, expected) in ends {
            fill(&cache.manager).await;
            ended(&cache, end, put_on_success).await;
            let there = async || cache.manager.get::<u64>(NAME).await.unwrap();
            assert_eq!(there().await, expected, "{end:?}");
            until_confirmed(&cache).await;
            assert_eq!(there().await, expected, "{end:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn before_means_before_the_body() {
    on_each_store(async |cache: TestCache| {
        fill(&cache.manager).await;
        let source = Source::new(0);
        let hold = source.hold();
        let call = cache.spawn(before(source, End::Ok, "red"));
        hold.reached().await;
        assert_eq!(kept(&cache.manager).await, GONE);
        fill(&cache.manager).await;
        hold.release();
        call.await.unwrap().unwrap();
        assert_eq!(kept(&cache.manager).await, KEPT, "and not after it");
    })
    .await;
}

#[tokio::test]
async fn after_success_means_not_before() {
    on_each_store(async |cache: TestCache| {
        fill(&cache.manager).await;
        let source = Source::new(0);
        let hold = source.hold();
        let call = cache.spawn(on_success(source, End::Ok, "red"));
        hold.reached().await;
        assert_eq!(kept(&cache.manager).await, KEPT);
        hold.release();
        call.await.unwrap().unwrap();
        assert_eq!(kept(&cache.manager).await, GONE);
    })
    .await;
}

#[tokio::test]
async fn a_function_that_was_never_polled_invalidates_nothing() {
    on_each_store(async |cache: TestCache| {
        fill(&cache.manager).await;
        drop(always(Source::new(0), End::Ok, "red"));
        assert_eq!(kept(&cache.manager).await, KEPT);
    })
    .await;
}

#[tokio::test]
async fn a_write_that_commits_after_its_function_was_dropped_is_seen() {
    on_each_store(async |cache: TestCache| {
        let (source, mutation) = (Source::new(1), Source::new(0));
        let hold = mutation.hold();
        let call = cache.spawn(on_success(mutation, End::Dropped, "red"));
        hold.reached().await;
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        assert_eq!(video(&source).await, 1);
        source.set(2);
        until(async || video(&source).await == 2).await;
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_dropped_half_way_happens() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let source = Source::new(1);
        video(&source).await;
        source.set(2);
        let manager = cache.manager.clone();
        let call =
            spawn_with(&cache.manager, async move { manager.invalidate_prefix("video").await });
        tokio::task::yield_now().await;
        call.abort();
        _ = call.await;
        assert_eq!(video(&source).await, 2);
        until(async || cache.manager.ping().await.is_some()).await;
        assert_eq!(video(&source).await, 2);
    })
    .await;
}
