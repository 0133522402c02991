//! Soft invalidations: entries become stale, and not absent, for functions that may serve stale values.

use std::time::Duration;

use cache_runtime::{EventKind, cache_invalidate, cached, deferred, with};

use crate::source::Source;
use crate::stores::{Store, TestCache, on_store, on_stores, spawn_with, until};

const SECOND: Duration = Duration::from_secs(1);
type Loaded = Result<u64, String>;

#[cached(ttl = "1h", stale_while_revalidate = "1h", key_prefix = "shop:swr", key = "{id}")]
async fn revalidated(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

#[cached(ttl = "1h", stale_if_error = "1h", key_prefix = "shop:sie", key = "{id}")]
async fn if_error(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

#[cached(ttl = "1h", key_prefix = "shop:plain", key = "{id}")]
async fn plain(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

#[cached(ttl = "1h", stale_while_revalidate = "5s", key_prefix = "shop:short", key = "{id}")]
async fn briefly(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

#[cached(
    ttl = "1h",
    stale_if_error = "1h",
    key_prefix = "shop:tagged",
    key = "{id}",
    tags = ["one", "two"]
)]
async fn tagged(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

#[cached(
    ttl = "1h",
    stale_if_error = "1h",
    key_prefix = "shop:many",
    key = "{id}",
    each(id in ids)
)]
async fn many(source: &Source, ids: &[u64]) -> Result<Vec<u64>, String> {
    let value = read(source, 0).await?;
    Ok(ids.iter().map(|id| id * 100 + value).collect())
}

#[cached(ttl = "1h", stale_if_error = "1h", key_prefix = "outer", key = "{id}", inherit)]
async fn outer(source: &Source, id: u64) -> Loaded {
    plain(source, id).await
}

#[cached(
    ttl = "1h",
    tier = "memory",
    stale_if_error = "1h",
    key_prefix = "shop:here",
    key = "{id}"
)]
async fn here(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

#[cache_invalidate(prefix = "shop", soft = "30s")]
async fn publish(source: &Source, value: u64) {
    source.set(value);
}

const WINDOW: Duration = Duration::from_secs(20);

#[cache_invalidate(tags = ["two"], soft = WINDOW)]
async fn publish_two(source: &Source, value: u64) {
    source.set(value);
}

/// The data are in order unless they are 0.
async fn read(source: &Source, id: u64) -> Loaded {
    match source.read().await {
        0 => Err("no data".into()),
        value => Ok(id * 100 + value),
    }
}

#[tokio::test]
async fn an_entry_is_served_while_one_load_replaces_it() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(revalidated(&source, 1).await, Ok(101));
        cache.clock.advance(SECOND);
        publish(&source, 2).await;
        let hold = source.hold();
        for _ in 0..5 {
            assert_eq!(revalidated(&source, 1).await, Ok(101), "{:?}", cache.store);
        }
        hold.reached().await;
        hold.release();
        until(async || revalidated(&source, 1).await == Ok(102)).await;
        assert_eq!(source.reads(), 2, "{:?}", cache.store);
        cache.clock.advance(60 * SECOND);
        source.set(3);
        assert_eq!(revalidated(&source, 1).await, Ok(102), "the new value is fresh");
        assert_eq!(source.reads(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_function_without_stale_values_loads_at_once() {
    on_stores(&Store::ALL, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(plain(&source, 1).await, Ok(101));
        cache.clock.advance(SECOND);
        publish(&source, 2).await;
        assert_eq!(plain(&source, 1).await, Ok(102), "{:?}", cache.store);
        publish(&source, 0).await;
        plain(&source, 1).await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn an_entry_stands_in_for_a_failed_load_until_the_window_ends() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(if_error(&source, 1).await, Ok(101));
        assert_eq!(if_error(&source, 2).await, Ok(201));
        cache.clock.advance(SECOND);
        publish(&source, 0).await;
        assert_eq!(if_error(&source, 1).await, Ok(101), "{:?}", cache.store);
        cache.clock.advance(29 * SECOND);
        assert_eq!(if_error(&source, 2).await, Ok(201), "{:?}", cache.store);
        cache.clock.advance(2 * SECOND);
        if_error(&source, 1).await.unwrap_err();
        if_error(&source, 2).await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn an_entry_is_served_for_no_longer_than_its_function_permits() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(briefly(&source, 1).await, Ok(101));
        cache.clock.advance(SECOND);
        publish(&source, 2).await;
        cache.clock.advance(6 * SECOND);
        assert_eq!(briefly(&source, 1).await, Ok(102), "{:?}", cache.store);
    })
    .await;
}

#[tokio::test]
async fn a_hard_invalidation_before_between_or_after_soft_ones_makes_entries_absent() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        for order in ["hs", "sh", "shs", "ssh", "hss"] {
            let source = Source::new(1);
            cache.manager.invalidate_prefix("shop").await.unwrap();
            assert_eq!(if_error(&source, 1).await, Ok(101));
            for step in order.chars() {
                cache.clock.advance(SECOND);
                match step {
                    's' => publish(&source, 0).await,
                    _ => cache.manager.invalidate_prefix("shop").await.unwrap(),
                }
            }
            let outcome = if_error(&source, 1).await;
            assert_eq!(outcome, Err("no data".into()), "{order} {:?}", cache.store);
        }
    })
    .await;
}

#[tokio::test]
async fn a_second_soft_invalidation_prolongs_nothing() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(if_error(&source, 1).await, Ok(101));
        cache.clock.advance(SECOND);
        publish(&source, 0).await;
        cache.clock.advance(20 * SECOND);
        publish(&source, 0).await;
        assert_eq!(if_error(&source, 1).await, Ok(101), "{:?}", cache.store);
        cache.clock.advance(11 * SECOND);
        if_error(&source, 1).await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn a_hard_invalidation_of_one_tag_is_not_weakened_by_a_soft_one_of_another() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(tagged(&source, 1).await, Ok(101));
        cache.clock.advance(SECOND);
        publish_two(&source, 0).await;
        assert_eq!(tagged(&source, 1).await, Ok(101), "{:?}", cache.store);
        cache.manager.invalidate_tag_softly("one", 5 * SECOND).await.unwrap();
        assert_eq!(tagged(&source, 1).await, Ok(101), "both are soft");
        cache.clock.advance(6 * SECOND);
        tagged(&source, 1).await.unwrap_err();

        source.set(1);
        assert_eq!(tagged(&source, 2).await, Ok(201));
        cache.clock.advance(SECOND);
        publish_two(&source, 0).await;
        cache.manager.invalidate_tag("one").await.unwrap();
        tagged(&source, 2).await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn a_load_that_began_before_is_not_fresh() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let of_task = source.clone();
        let early = spawn_with(&cache.manager, async move { plain(&of_task, 1).await });
        hold.reached().await;
        cache.clock.advance(SECOND);
        publish(&source, 2).await;
        hold.release();
        assert_eq!(early.await.unwrap(), Ok(101));
        assert_eq!(plain(&source, 1).await, Ok(102), "{:?}", cache.store);
    })
    .await;
}

// In a cluster, the token of the tag may be on another node than the entry, which is stored with the noted token then.
#[tokio::test]
async fn a_load_that_began_before_is_not_kept_without_a_cluster() {
    on_stores(&[Store::Memory, Store::Redis, Store::Tiered], async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let of_task = source.clone();
        let early = spawn_with(&cache.manager, async move { revalidated(&of_task, 1).await });
        hold.reached().await;
        cache.clock.advance(SECOND);
        publish(&source, 2).await;
        hold.release();
        assert_eq!(early.await.unwrap(), Ok(101));
        assert_eq!(revalidated(&source, 1).await, Ok(102), "{:?}", cache.store);
    })
    .await;
}

#[tokio::test]
async fn another_process_serves_the_stale_value_too() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let peer = cache.peer().await;
        let source = Source::new(1);
        for id in [1, 2] {
            assert_eq!(if_error(&source, id).await, Ok(id * 100 + 1));
            assert_eq!(plain(&source, id).await, Ok(id * 100 + 1));
            assert_eq!(with(&peer, if_error(&source, id)).await, Ok(id * 100 + 1));
            assert_eq!(with(&peer, plain(&source, id)).await, Ok(id * 100 + 1));
        }
        cache.clock.advance(SECOND);
        publish(&source, 0).await;
        until(async || with(&peer, plain(&source, 1)).await.is_err()).await;
        assert_eq!(with(&peer, if_error(&source, 1)).await, Ok(101), "{:?}", cache.store);
        cache.clock.advance(31 * SECOND);
        with(&peer, if_error(&source, 1)).await.unwrap_err();
        with(&peer, if_error(&source, 2)).await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn the_ids_of_a_batch_are_served_too() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(many(&source, &[1, 2]).await, Ok(vec![101, 201]));
        cache.clock.advance(SECOND);
        publish(&source, 0).await;
        assert_eq!(many(&source, &[1, 2]).await, Ok(vec![101, 201]), "{:?}", cache.store);
        cache.clock.advance(31 * SECOND);
        many(&source, &[1, 2]).await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_inherits_is_never_fresh_after_it() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(outer(&source, 1).await, Ok(101));
        cache.clock.advance(SECOND);
        publish(&source, 2).await;
        assert_eq!(outer(&source, 1).await, Ok(102), "{:?}", cache.store);
        publish(&source, 0).await;
        cache.clock.advance(31 * SECOND);
        outer(&source, 1).await.unwrap_err();
    })
    .await;
}

#[cached(ttl = "1h", key_prefix = "over", key = "{id}", inherit)]
async fn over_stale(source: &Source, id: u64) -> Loaded {
    if_error(source, id).await
}

// A body with `inherit` reads only fresh values, so its own does not prolong the life of a stale one.
#[tokio::test]
async fn an_entry_that_inherits_is_not_computed_from_a_stale_value() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(if_error(&source, 1).await, Ok(101));
        cache.clock.advance(SECOND);
        publish(&source, 0).await;
        assert_eq!(if_error(&source, 1).await, Ok(101), "{:?}", cache.store);
        over_stale(&source, 1).await.unwrap_err();
        source.set(2);
        assert_eq!(over_stale(&source, 1).await, Ok(102), "{:?}", cache.store);
        assert_eq!(if_error(&source, 1).await, Ok(102), "{:?}", cache.store);
    })
    .await;
}

#[tokio::test]
async fn an_entry_in_memory_is_served_beside_redis() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(here(&source, 1).await, Ok(101));
        cache.clock.advance(SECOND);
        publish(&source, 0).await;
        assert_eq!(here(&source, 1).await, Ok(101), "{:?}", cache.store);
        cache.manager.invalidate_prefix("shop").await.unwrap();
        here(&source, 1).await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn a_transaction_invalidates_softly_after_its_commit() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(if_error(&source, 1).await, Ok(101));
        cache.clock.advance(SECOND);
        let ((), pending) = deferred(publish(&source, 0)).await;
        assert_eq!(if_error(&source, 1).await, Ok(101));
        assert_eq!(source.reads(), 1, "nothing is invalidated before the commit");
        pending.apply().await;
        assert_eq!(if_error(&source, 1).await, Ok(101), "{:?}", cache.store);
        assert_eq!(source.reads(), 2);
        let both = async {
            publish(&source, 0).await;
            cache.manager.invalidate_prefix("shop").await.unwrap();
            publish(&source, 0).await;
        };
        let ((), pending) = deferred(both).await;
        pending.apply().await;
        if_error(&source, 1).await.unwrap_err();
    })
    .await;
}

// R6: what Redis does not confirm is invalidated hard.
#[tokio::test]
async fn an_invalidation_that_does_not_wait_is_hard_in_redis() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(if_error(&source, 1).await, Ok(101));
        cache.clock.advance(SECOND);
        let ((), pending) = deferred(publish(&source, 0)).await;
        pending.apply_in_background();
        if_error(&source, 1).await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn the_event_has_the_window() {
    on_store(
        Store::Memory,
        |config| config,
        async |cache: TestCache| {
            cache.manager.events(0);
            publish(&Source::new(1), 2).await;
            cache.manager.invalidate_tag("one").await.unwrap();
            let windows =
                cache.manager.events(0).into_iter().filter_map(|event| match event.what {
                    EventKind::Invalidated { soft_ms, .. } => Some(soft_ms),
                    _ => None,
                });
            assert_eq!(windows.collect::<Vec<_>>(), [Some(30_000), None]);
        },
    )
    .await;
}
