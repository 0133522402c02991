//! Bodies that call other cached functions while they have a permit.

use cache_runtime::{CacheConfig, SourceLimit, cached};

use super::{Bodies, is_at_rest, join_all, source, wait_in_queue};
use crate::stores::{Store, TestCache, in_time, on_store, until};

/// The bodies of the functions of a test.
#[derive(Clone, Debug, Default)]
struct Levels {
    outer: Bodies,
    middle: Bodies,
    inner: Bodies,
}

#[cached(ttl = "1m", source = "db", key = "{id}")]
async fn inner(levels: Levels, id: u64) -> u64 {
    levels.inner.run(id).await;
    id
}

/// It has no limit.
#[cached(ttl = "1m", key = "{id}")]
async fn middle(levels: Levels, id: u64) -> u64 {
    levels.middle.run(id).await;
    inner(levels, id).await
}

#[cached(ttl = "1m", source = "db", key = "{id}")]
async fn outer(levels: Levels, id: u64) -> u64 {
    levels.outer.run(id).await;
    inner(levels, id).await
}

#[cached(ttl = "1m", source = "db", key = "{id}")]
async fn outer_of_middle(levels: Levels, id: u64) -> u64 {
    levels.outer.run(id).await;
    middle(levels, id).await
}

#[cached(ttl = "1m", source = "db", key = "{id}")]
async fn three_levels(levels: Levels, id: u64) -> u64 {
    outer(levels, id).await
}

#[cached(ttl = "1m", source = "db", key = "{id}")]
async fn joined(levels: Levels, id: u64) -> u64 {
    let (a, b) = tokio::join!(inner(levels.clone(), id), outer(levels.clone(), id + 1));
    a + b
}

#[cached(ttl = "1m", source = "db", key = "{n}")]
async fn factorial(n: u64) -> u64 {
    if n == 0 { 1 } else { n * Box::pin(factorial(n - 1)).await }
}

#[cached(ttl = "1m", source = "db", detached = true, key = "{id}")]
async fn detached(levels: Levels, id: u64) -> u64 {
    levels.inner.run(id).await;
    id
}

#[cached(ttl = "1m", source = "db", key = "{id}")]
async fn outer_of_detached(levels: Levels, id: u64) -> u64 {
    detached(levels, id).await
}

#[cached(ttl = "1m", source = "left", key = "{id}")]
async fn left(levels: Levels, id: u64) -> u64 {
    levels.inner.run(id).await;
    id
}

#[cached(ttl = "1m", source = "right", key = "{id}")]
async fn right(levels: Levels, id: u64) -> u64 {
    levels.inner.run(id).await;
    id
}

#[cached(ttl = "1m", source = "left", key = "{id}")]
async fn left_right(levels: Levels, id: u64) -> u64 {
    levels.outer.run(id).await;
    right(levels, id).await
}

#[cached(ttl = "1m", source = "right", key = "{id}")]
async fn right_left(levels: Levels, id: u64) -> u64 {
    levels.outer.run(id).await;
    left(levels, id).await
}

/// It takes the permit of the function before that of the source.
#[cached(ttl = "1m", source = "db", max_loads = 1, key = "{id}")]
async fn one(levels: Levels, id: u64) -> u64 {
    levels.inner.run(id).await;
    id
}

#[cached(ttl = "1m", source = "db", key = "{id}")]
async fn outer_of_one(levels: Levels, id: u64) -> u64 {
    levels.outer.run(id).await;
    one(levels, id).await
}

fn limits(config: CacheConfig) -> CacheConfig {
    let one = SourceLimit::new(1);
    config.source("db", one).source("left", one).source("right", one)
}

async fn on_each(body: impl AsyncFn(TestCache)) {
    for store in [Store::Memory, Store::Redis, Store::Tiered, Store::Outage] {
        on_store(store, limits, &body).await;
    }
}

fn released() -> Levels {
    let levels = Levels::default();
    [&levels.outer, &levels.middle, &levels.inner].iter().for_each(|bodies| bodies.release(100));
    levels
}

#[tokio::test]
async fn the_calls_of_a_body_use_its_permit() {
    on_each(async |cache: TestCache| {
        let levels = released();
        let calls = [
            cache.spawn(outer(levels.clone(), 1)),
            cache.spawn(three_levels(levels.clone(), 2)),
            cache.spawn(joined(levels.clone(), 3)),
            cache.spawn(outer_of_middle(levels.clone(), 5)),
            cache.spawn(factorial(10)),
            cache.spawn(outer_of_detached(levels.clone(), 6)),
        ];
        let ended = in_time(join_all(calls)).await;
        let ended: Vec<u64> = ended.into_iter().map(Result::unwrap).collect();
        assert_eq!(ended, [1, 2, 7, 5, 3_628_800, 6]);
        is_at_rest(&cache.manager);
    })
    .await;
}

#[tokio::test]
async fn a_body_lends_its_permit_to_a_load_in_the_queue_that_it_waits_for() {
    on_each(async |cache: TestCache| {
        let levels = Levels::default();
        let holder = cache.spawn(outer(levels.clone(), 1));
        levels.outer.have_begun(1).await;
        // Another caller leads the load of the inner function, and waits behind the outer body.
        let leader = cache.spawn(inner(levels.clone(), 1));
        wait_in_queue(&cache.manager, "db", 1).await;
        assert_eq!(levels.inner.begun().len(), 0);
        levels.outer.release(1);
        levels.inner.have_begun(1).await;
        assert_eq!(source(&cache.manager, "db").running, 1, "it has a share of one permit");
        levels.inner.release(1);
        assert_eq!(in_time(holder).await.unwrap(), 1);
        assert_eq!(in_time(leader).await.unwrap(), 1);
        is_at_rest(&cache.manager);
    })
    .await;
}

#[tokio::test]
async fn a_body_lends_its_permit_to_a_load_that_comes_into_the_queue_later() {
    on_each(async |cache: TestCache| {
        let levels = Levels::default();
        // Another caller leads the load of the function in the middle, which has no limit.
        let leader = cache.spawn(middle(levels.clone(), 1));
        levels.middle.have_begun(1).await;
        let holder = cache.spawn(outer_of_middle(levels.clone(), 1));
        levels.outer.have_begun(1).await;
        levels.outer.release(1);
        until(async || cache.manager.stats().flights == 2).await;
        // The body with the permit waits for the body in the middle, which calls the inner function now.
        levels.inner.release(1);
        levels.middle.release(1);
        assert_eq!(in_time(holder).await.unwrap(), 1);
        assert_eq!(in_time(leader).await.unwrap(), 1);
        is_at_rest(&cache.manager);
    })
    .await;
}

#[tokio::test]
async fn a_body_lends_its_permit_by_way_of_a_body_without_a_limit() {
    on_each(async |cache: TestCache| {
        let levels = Levels::default();
        let holder = cache.spawn(outer_of_middle(levels.clone(), 1));
        levels.outer.have_begun(1).await;
        let leader = cache.spawn(middle(levels.clone(), 1));
        levels.middle.release(1);
        // The inner load of the body in the middle waits behind the outer body.
        wait_in_queue(&cache.manager, "db", 1).await;
        levels.inner.release(1);
        levels.outer.release(1);
        assert_eq!(in_time(holder).await.unwrap(), 1);
        assert_eq!(in_time(leader).await.unwrap(), 1);
        is_at_rest(&cache.manager);
    })
    .await;
}

#[tokio::test]
async fn bodies_of_two_sources_that_call_each_other_do_not_wait_in_a_circle() {
    on_each(async |cache: TestCache| {
        let levels = Levels::default();
        let a = cache.spawn(left_right(levels.clone(), 1));
        let b = cache.spawn(right_left(levels.clone(), 2));
        levels.outer.have_begun(2).await;
        levels.inner.release(2);
        levels.outer.release(2);
        assert_eq!(in_time(a).await.unwrap(), 1);
        assert_eq!(in_time(b).await.unwrap(), 2);
        is_at_rest(&cache.manager);
    })
    .await;
}

#[tokio::test]
async fn the_limits_of_a_function_and_of_its_source_do_not_wait_in_a_circle() {
    on_each(async |cache: TestCache| {
        let levels = Levels::default();
        let outer = cache.spawn(outer_of_one(levels.clone(), 1));
        levels.outer.have_begun(1).await;
        // This load has the permit of the function, and waits for that of the source.
        let other = cache.spawn(one(levels.clone(), 2));
        wait_in_queue(&cache.manager, "db", 1).await;
        levels.inner.release(2);
        levels.outer.release(1);
        assert_eq!(in_time(outer).await.unwrap(), 1);
        assert_eq!(in_time(other).await.unwrap(), 2);
        assert_eq!(levels.inner.most(), 1);
        is_at_rest(&cache.manager);
    })
    .await;
}

#[tokio::test]
async fn many_bodies_that_call_each_others_functions_all_end() {
    on_each(async |cache: TestCache| {
        let levels = released();
        [&levels.outer, &levels.middle, &levels.inner]
            .iter()
            .for_each(|bodies| bodies.release(10_000));
        for _ in 0..20 {
            let calls = (0..24).map(|number| {
                let (levels, id) = (levels.clone(), number % 3);
                match number % 8 {
                    0 => cache.spawn(outer(levels, id)),
                    1 => cache.spawn(middle(levels, id)),
                    2 => cache.spawn(outer_of_middle(levels, id)),
                    3 => cache.spawn(joined(levels, id)),
                    4 => cache.spawn(left_right(levels, id)),
                    5 => cache.spawn(right_left(levels, id)),
                    6 => cache.spawn(outer_of_one(levels, id)),
                    _ => cache.spawn(outer_of_detached(levels, id)),
                }
            });
            let ended = in_time(join_all(calls)).await;
            assert!(ended.iter().all(Result::is_ok));
            cache.manager.flush_all().await;
        }
        is_at_rest(&cache.manager);
    })
    .await;
}
