//! Hits that are compared with their source (`verify`).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{Counts, EventKind, cache_invalidate, cached, with};
use cache_tests::Counter;

use crate::source::Source;
use crate::stores::{Store, TestCache, on_store, on_stores, until};

const MINUTE: Duration = Duration::from_secs(60);

#[cached(ttl = "1h", key_prefix = "verified:video", key = "{film}", tags = ["team:{team}"], verify = "1m")]
async fn video(source: &Source, film: u64, team: &str) -> u64 {
    _ = (film, team);
    source.read().await
}

/// Changes the data, and invalidates the entry.
#[cache_invalidate(prefix = "verified:video:{film}")]
async fn describe(source: &Source, film: u64, value: u64) {
    _ = film;
    source.set(value);
}

/// Changes the data, and invalidates something else.
#[cache_invalidate(prefix = "verified:titles:{film}")]
async fn rename(source: &Source, film: u64, value: u64) {
    _ = film;
    source.set(value);
}

#[cached(ttl = "1h", key_prefix = "verified:swr", stale_while_revalidate = "1h", skip(source))]
async fn refreshed(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cached(
    ttl = "1h",
    key_prefix = "verified:off",
    stale_while_revalidate = "1h",
    skip(source),
    verify = "off"
)]
async fn unverified(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cached(ttl = "1h", key_prefix = "verified:plain", skip(source))]
async fn plain(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cached(ttl = "1h", key_prefix = "verified:map", skip(runs), verify = "1m")]
async fn map(runs: &Counter, id: u64) -> HashMap<u64, u64> {
    runs.hit();
    (0..100).map(|n| (n, n + id)).collect()
}

#[cached(ttl = "1h", key_prefix = "verified:counted", skip(runs), verify = "1m")]
async fn counted(runs: &Counter, id: u64) -> usize {
    _ = id;
    runs.hit();
    runs.count()
}

/// Fails at every run but the first, or panics.
#[cached(ttl = "1h", key_prefix = "verified:failing", skip(runs), verify = "1m")]
async fn failing(runs: &Counter, panics: bool) -> Result<u64, String> {
    runs.hit();
    match (runs.count(), panics) {
        (1, _) => Ok(1),
        (_, true) => panic!("a panic of a verified body"),
        (_, false) => Err("no data".into()),
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Raw(Arc<u64>);

#[cached(ttl = "1h", key_prefix = "verified:raw", tier = "memory", skip(source), verify = 60)]
async fn raw(source: &Source, id: u64) -> Raw {
    _ = id;
    Raw(Arc::new(source.read().await))
}

#[cached(ttl = "1h", key_prefix = "verified:sync", skip(value), verify = "1m")]
fn on_a_thread(value: &Counter, id: u64) -> usize {
    _ = id;
    value.count()
}

fn counts(cache: &TestCache) -> Counts {
    cache.manager.stats().total
}

/// Waits until no verification runs.
async fn until_ended(cache: &TestCache) {
    until(async || cache.manager.stats().background_loads == 0).await;
}

fn results(cache: &TestCache) -> [u64; 5] {
    let total = counts(cache);
    [
        total.verified_consistent,
        total.verified_inconsistent,
        total.verified_raced,
        total.verified_unstable,
        total.verified_failed,
    ]
}

fn findings(cache: &TestCache) -> Vec<EventKind> {
    let events = cache.manager.events(0).into_iter().map(|event| event.what);
    events.filter(|event| matches!(event, EventKind::Inconsistent { .. })).collect()
}

#[tokio::test]
async fn a_write_without_an_invalidation_is_found() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(video(&source, 42, "red").await, 1);
        assert_eq!(video(&source, 42, "red").await, 1);
        until_ended(&cache).await;
        assert_eq!(results(&cache), [1, 0, 0, 0, 0]);
        describe(&source, 42, 2).await;
        assert_eq!(video(&source, 42, "red").await, 2);
        cache.clock.advance(MINUTE);
        rename(&source, 42, 3).await;
        assert_eq!(video(&source, 42, "red").await, 2, "the stale value is served");
        until_ended(&cache).await;
        assert_eq!(results(&cache), [1, 1, 0, 0, 0]);
        assert_eq!(counts(&cache).consistency(), Some(0.5));
        let found = findings(&cache);
        let [EventKind::Inconsistent { function, name, tags, age_ms, ttl_ms, hint, .. }] =
            &found[..]
        else {
            panic!("{found:?}");
        };
        assert!(function.ends_with("video") && name == "verified:video:42", "{function} {name}");
        assert!(tags.contains(&"team:red".to_owned()), "{tags:?}");
        // The clock of Redis goes on.
        assert!(*age_ms >= 60_000 && *ttl_ms == Some(3_600_000), "{age_ms} {ttl_ms:?}");
        // Functions of other tests, whose templates may reach it, follow.
        let mut hints = hint.split("; ");
        let missing = hints.next().unwrap();
        assert!(missing.contains("rename (") && missing.contains("does not invalidate"), "{hint}");
        assert!(hints.all(|other| other.contains(" invalidates it, but ")), "{hint}");
        assert_eq!(video(&source, 42, "red").await, 2, "nothing is stored");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_hot_key_is_verified_once_in_its_time() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let source = Source::new(1);
        for minute in 1..=5 {
            for _ in 0..1_000 {
                assert_eq!(video(&source, 1, "red").await, 1);
            }
            until_ended(&cache).await;
            assert_eq!(
                (results(&cache), source.reads()),
                ([minute, 0, 0, 0, 0], 1 + minute as usize)
            );
            cache.clock.advance(MINUTE);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_hit_that_follows_the_time_is_verified_whatever_its_key() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let source = Source::new(1);
        for id in 1..=3 {
            video(&source, id, "red").await;
        }
        for id in [2, 3, 1] {
            let before = source.reads();
            video(&source, id, "red").await;
            video(&source, 1, "red").await;
            until_ended(&cache).await;
            assert_eq!(source.reads(), before + 1);
            cache.clock.advance(MINUTE);
        }
        assert_eq!(results(&cache), [3, 0, 0, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_write_that_is_invalidated_meanwhile_is_no_finding() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        video(&source, 1, "red").await;
        // During the first look.
        let hold = source.hold();
        source.set(2);
        video(&source, 1, "red").await;
        hold.reached().await;
        cache.manager.invalidate_tag("team:red").await.unwrap();
        hold.release();
        until_ended(&cache).await;
        assert_eq!(results(&cache), [0, 0, 1, 0, 0]);
        // Between the looks: the source has changed, and the invalidation follows.
        assert_eq!(video(&source, 1, "red").await, 2);
        cache.clock.advance(MINUTE);
        source.set(3);
        let before = source.reads();
        video(&source, 1, "red").await;
        until(async || source.reads() > before).await;
        describe(&source, 1, 3).await;
        assert_eq!(video(&source, 1, "red").await, 3);
        until_ended(&cache).await;
        assert_eq!((results(&cache), findings(&cache)), ([0, 0, 2, 0, 0], vec![]));
    })
    .await;
}

#[tokio::test]
async fn the_order_of_a_map_is_no_difference() {
    on_stores(&[Store::Memory, Store::Redis, Store::Tiered], async |cache: TestCache| {
        let runs = Counter::new();
        map(&runs, 1).await;
        map(&runs, 1).await;
        until_ended(&cache).await;
        assert_eq!((results(&cache), runs.count()), ([1, 0, 0, 0, 0], 2));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_changes_with_each_read_is_unstable() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let runs = Counter::new();
        counted(&runs, 1).await;
        counted(&runs, 1).await;
        until_ended(&cache).await;
        assert_eq!((results(&cache), findings(&cache)), ([0, 0, 0, 1, 0], vec![]));
        assert_eq!(counts(&cache).consistency(), None);
    })
    .await;
}

// R3
#[tokio::test(start_paused = true)]
async fn a_body_that_fails_or_panics_costs_the_caller_nothing() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        for (failed, panics) in [(1, false), (2, true)] {
            let runs = Counter::new();
            assert_eq!(failing(&runs, panics).await, Ok(1));
            assert_eq!(failing(&runs, panics).await, Ok(1));
            until_ended(&cache).await;
            assert_eq!(results(&cache), [0, 0, 0, 0, failed]);
            cache.clock.advance(MINUTE);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn values_without_serde_are_compared_by_partial_eq() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let source = Source::new(1);
        raw(&source, 1).await;
        raw(&source, 1).await;
        until_ended(&cache).await;
        cache.clock.advance(MINUTE);
        source.set(2);
        assert_eq!(*raw(&source, 1).await.0, 1);
        until_ended(&cache).await;
        assert_eq!(results(&cache), [1, 1, 0, 0, 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_is_not_async_is_verified_on_a_thread() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let value = Counter::new();
        assert_eq!(on_a_thread(&value, 1), 0);
        assert_eq!(on_a_thread(&value, 1), 0);
        until_ended(&cache).await;
        assert_eq!(results(&cache), [1, 0, 0, 0, 0]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_setting_verifies_functions_that_may_run_in_the_background() {
    let settings = |config: cache_runtime::CacheConfig| config.verify(MINUTE);
    on_store(Store::Memory, settings, async |cache: TestCache| {
        let source = Source::new(1);
        for _ in 0..1_000 {
            refreshed(&source, 1).await;
            unverified(&source, 1).await;
            plain(&source, 1).await;
        }
        until_ended(&cache).await;
        assert_eq!((results(&cache), source.reads()), ([1, 0, 0, 0, 0], 4));
        let registry = cache_runtime::registry();
        let verifiable = |name: &str| {
            registry.cached.iter().any(|site| site.location.function == name && site.verifiable)
        };
        assert_eq!(["refreshed", "unverified", "plain"].map(verifiable), [true, false, false]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_verification_ends_with_its_manager() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let source = Source::new(1);
        video(&source, 1, "red").await;
        let hold = source.hold();
        video(&source, 1, "red").await;
        hold.reached().await;
        assert_eq!((cache.manager.stats().background_loads, source.clones()), (1, 3));
        assert_eq!(cache.manager.disconnect().await, 0);
        until(async || source.clones() == 1).await;
        assert_eq!(results(&cache), [0; 5]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn each_manager_verifies_on_its_own() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let (source, peer) = (Source::new(1), cache.peer().await);
        for manager in [&cache.manager, &peer] {
            with(manager, async {
                video(&source, 1, "red").await;
                video(&source, 1, "red").await;
            })
            .await;
            until(async || manager.stats().total.verified_consistent == 1).await;
        }
        assert_eq!(source.reads(), 4);
    })
    .await;
}
