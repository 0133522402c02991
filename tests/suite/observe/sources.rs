//! The source of each output, its age and the rest of its TTL.

use std::time::Duration;

use cache_runtime::{CacheCall as _, CacheManager, Source as From, Ttl, cached, observe};

use super::{A_MINUTE, MINUTE, SECOND, is_about, item, stored, told};
use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores, until};

#[tokio::test]
async fn a_load_and_a_hit_are_told_with_their_entry() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let (output, seen) = observe(item(&source, 7, "red")).await;
        assert_eq!(output, Ok(701));
        let [call] = seen.calls() else { panic!("{seen}") };
        assert_eq!((call.source(), call.bypass(), call.depth()), (From::Load, None, 0));
        assert_eq!(call.function(), format!("{}::item", super::PATH));
        assert_eq!(call.prefix(), Some("observed:item"));
        assert_eq!(call.name(), Some("observed:item:7"));
        assert_eq!(call.tags(), ["observed", "observed:item", "team:red"]);
        assert!(!call.is_hit() && !call.is_stale() && !call.is_error(), "{call:?}");
        assert!(call.age().is_zero(), "{call:?}");
        // During an outage, it is kept for a shorter time.
        let outage_ttl = Some(Ttl::For(cache.manager.config().outage_ttl));
        let kept = if cache.store == Store::Outage { outage_ttl } else { A_MINUTE };
        assert_eq!(call.remaining(), kept);

        cache.clock.advance(2 * SECOND);
        let (output, seen) = observe(item(&source, 7, "red")).await;
        assert_eq!(output, Ok(701));
        let [call] = seen.calls() else { panic!("{seen}") };
        assert_eq!(call.source(), stored(cache.store));
        assert_eq!(call.name(), Some("observed:item:7"));
        assert_eq!(call.tags(), ["observed", "observed:item", "team:red"]);
        assert!(call.is_hit() && is_about(call.age(), 2 * SECOND), "{call:?}");
        let left = call.remaining().and_then(Ttl::duration).unwrap();
        assert!(is_about(left, kept.unwrap().duration().unwrap() - 2 * SECOND), "{call:?}");
    })
    .await;
}

#[cached(ttl = "forever", key_prefix = "observed:forever", key = "{id}")]
async fn forever(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[tokio::test]
async fn a_value_without_an_end_has_no_rest_of_a_ttl() {
    on_stores(&[Store::Memory], async |_: TestCache| {
        let source = Source::new(1);
        for expected in [From::Load, From::Memory] {
            let (_, seen) = observe(forever(&source, 1)).await;
            assert_eq!(told(&seen), [("observed:forever:1", expected)]);
            assert_eq!(seen.remaining(), Some(Ttl::Forever));
        }
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "observed:odd", key = "{id}", cache_if = |n: &u64| n % 2 == 1)]
async fn odd(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[tokio::test]
async fn an_error_and_a_refused_value_are_loads_without_a_stored_value() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(0);
        let (output, seen) = observe(item(&source, 1, "red")).await;
        assert_eq!(output, Err("no data".to_owned()));
        assert_eq!(told(&seen), [("observed:item:1", From::Load)]);
        assert!(seen.calls()[0].is_error());
        assert_eq!((seen.calls()[0].remaining(), seen.remaining()), (None, None));

        source.set(2);
        let (_, seen) = observe(odd(&source, 1)).await;
        assert_eq!(told(&seen), [("observed:odd:1", From::Load)]);
        assert!(!seen.calls()[0].is_error());
        assert_eq!(seen.calls()[0].remaining(), None);
    })
    .await;
}

#[tokio::test]
async fn a_follower_shares_the_load_of_its_leader() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let leader = {
            let source = source.clone();
            cache.spawn(async move { observe(item(&source, 1, "red")).await })
        };
        hold.reached().await;
        let followed = async {
            tokio::join!(item(&source, 1, "red"), async {
                tokio::task::yield_now().await;
                hold.release();
            })
        };
        let (_, follower) = observe(followed).await;
        let (_, leader) = leader.await.unwrap();
        assert_eq!(told(&leader), [("observed:item:1", From::Load)]);
        assert_eq!(told(&follower), [("observed:item:1", From::Shared)]);
        assert_eq!((leader.remaining(), follower.remaining()), (A_MINUTE, A_MINUTE));
        assert!(!follower.hit("observed") && !follower.loaded("observed"));
    })
    .await;
}

#[cached(
    ttl = "1m",
    stale_while_revalidate = "1m",
    stale_if_error = "1h",
    key_prefix = "observed:stale",
    key = "{id}"
)]
async fn stale(source: &Source, id: u64) -> Result<u64, String> {
    match source.read().await {
        0 => Err("no data".to_owned()),
        value => Ok(id * 100 + value),
    }
}

#[tokio::test]
async fn a_stale_value_is_told_and_its_background_load_is_not() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        stale(&source, 1).await.unwrap();
        cache.clock.advance(MINUTE + SECOND);
        source.set(2);
        let (output, seen) = observe(async {
            let output = stale(&source, 1).await;
            until(async || cache.manager.stats().background_loads == 0).await;
            output
        })
        .await;
        assert_eq!(output, Ok(101));
        // Copies of values in Redis end with their TTL.
        let found = if cache.store.has_redis() { From::Redis } else { From::Memory };
        assert_eq!(told(&seen), [("observed:stale:1", found)]);
        assert!(seen.calls()[0].is_stale());
        assert_eq!(seen.remaining(), Some(Ttl::For(Duration::ZERO)));
        assert_eq!(source.reads(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_stale_value_instead_of_an_error_is_a_hit() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        stale(&source, 1).await.unwrap();
        cache.clock.advance(3 * MINUTE);
        source.set(0);
        let (output, seen) = observe(stale(&source, 1)).await;
        assert_eq!(output, Ok(101));
        let [call] = seen.calls() else { panic!("{seen}") };
        assert!(call.is_hit() && call.is_stale() && !call.is_error(), "{seen}");
    })
    .await;
}

#[cached(ttl = "1m", error_ttl = "10s", key_prefix = "observed:remembering", key = "{id}")]
async fn remembering(source: &Source, id: u64) -> Result<u64, String> {
    _ = id;
    match source.read().await {
        0 => Err("no data".to_owned()),
        value => Ok(value),
    }
}

#[tokio::test]
async fn a_remembered_error_comes_from_memory() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let source = Source::new(0);
        remembering(&source, 1).await.unwrap_err();
        cache.clock.advance(2 * SECOND);
        let (_, seen) = observe(remembering(&source, 1)).await;
        let [call] = seen.calls() else { panic!("{seen}") };
        assert_eq!((call.source(), call.is_error(), call.age()), (From::Memory, true, 2 * SECOND));
        assert_eq!(call.remaining(), None);
    })
    .await;
}

#[tokio::test]
async fn requests_to_one_call_are_told_if_they_return_its_output() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        let entry = || item(&source, 1, "red").cache_entry();
        let (_, seen) = observe(async {
            assert_eq!(entry().peek().await.unwrap(), None);
            entry().only_if_cached().fetch().await.unwrap_err();
            assert_eq!(entry().name().unwrap(), "observed:item:1");
            entry().put(5).await.unwrap();
            entry().invalidate().await.unwrap();
        })
        .await;
        assert!(seen.is_empty(), "{seen}");
        let (_, seen) = observe(async {
            entry().fetch().await.unwrap();
            entry().peek().await.unwrap().unwrap().unwrap();
            entry().only_if_cached().fetch().await.unwrap();
            entry().refresh().await.unwrap().unwrap();
        })
        .await;
        let expected = [From::Load, stored(cache.store), stored(cache.store), From::Load];
        assert_eq!(told(&seen), expected.map(|source| ("observed:item:1", source)));
        assert!(seen.calls().iter().all(|call| call.remaining().is_some()), "{seen}");
    })
    .await;
}

#[cached(ttl = "1m", detached = true, key_prefix = "observed:detached", key = "{id}")]
async fn detached(source: Source, id: u64) -> Result<u64, String> {
    _ = id;
    item(&source, 1, "red").await
}

#[tokio::test]
async fn a_detached_load_is_told_by_its_caller_without_the_calls_of_its_body() {
    on_stores(&Store::INTENDED, async |_: TestCache| {
        let source = Source::new(1);
        let (output, seen) = observe(detached(source.clone(), 1)).await;
        assert_eq!(output, Ok(101));
        assert_eq!(told(&seen), [("observed:detached:1", From::Load)]);
        assert_eq!(seen.remaining(), A_MINUTE);
        source.set(0);
        item(&source, 1, "red").cache_entry().invalidate().await.unwrap();
        let (output, seen) = observe(detached(source.clone(), 2)).await;
        assert_eq!(output, Err("no data".to_owned()));
        assert!(seen.calls()[0].is_error() && seen.loaded("detached"), "{seen}");
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "observed:own", key = "{id}", manager = manager)]
async fn own(manager: &CacheManager, source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[tokio::test]
async fn a_function_with_a_manager_of_its_own_is_told() {
    let (manager, source) = (CacheManager::builder().build().unwrap(), Source::new(1));
    own(&manager, &source, 1).await;
    let (_, seen) = observe(async {
        own(&manager, &source, 1).await;
        own(&manager, &source, 2).await;
    })
    .await;
    let expected = [("observed:own:1", From::Memory), ("observed:own:2", From::Load)];
    assert_eq!(told(&seen), expected);
}

#[tokio::test]
async fn the_direct_api_is_told_where_it_returns_a_value() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let manager = &cache.manager;
        let load =
            async || manager.get_or_load("direct:1", MINUTE, async || Ok::<_, ()>(1_u64)).await;
        let (_, seen) = observe(async {
            assert_eq!(manager.get::<u64>("direct:1").await.unwrap(), None);
            load().await.unwrap();
            load().await.unwrap();
            manager.get::<u64>("direct:1").await.unwrap();
            manager.get_many::<u64>(&["direct:1", "direct:2"]).await.unwrap();
        })
        .await;
        let found = stored(cache.store);
        let expected = [From::Load, found, found, found];
        assert_eq!(told(&seen), expected.map(|source| ("direct:1", source)));
        assert_eq!((seen.calls()[0].function(), seen.calls()[0].prefix()), ("direct", None));
        assert_eq!(seen.of("direct").len(), 4);
    })
    .await;
}
