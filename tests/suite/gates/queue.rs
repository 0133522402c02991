//! The queue: how many bodies run at once, and in which order.

use std::time::Duration;

use cache_runtime::{CacheConfig, SourceLimit, cache_invalidate, cached};

use super::{Bodies, is_at_rest, join_all, source, wait_in_queue};
use crate::stores::{Store, TestCache, in_time, on_store, until};

const MINUTE: Duration = Duration::from_secs(60);

#[cached(ttl = "1m", source = "db", key = "{id}")]
async fn row(bodies: Bodies, id: u64) -> u64 {
    bodies.run(id).await;
    id
}

#[cached(ttl = "1m", source = "nowhere", max_loads = 3, key = "{id}")]
async fn three(bodies: Bodies, id: u64) -> u64 {
    bodies.run(id).await;
    id
}

#[cached(ttl = "1m", source = "db", stale_while_revalidate = "1h", key = "{id}")]
async fn refreshed(bodies: Bodies, id: u64) -> u64 {
    bodies.run(id).await;
    id
}

#[cached(ttl = "1m", source = "db", stale_if_error = "1h", key = "{id}")]
async fn with_stale(bodies: Bodies, id: u64) -> Result<u64, String> {
    bodies.run(id).await;
    Ok(id)
}

#[cached(ttl = "1m", source = "db", key = "{id}")]
async fn panics(bodies: Bodies, id: u64) -> u64 {
    bodies.run(id).await;
    panic!("the body {id} panics");
}

#[cache_invalidate(prefix = "row:{id}")]
async fn change(id: u64) {}

fn db(limit: u32) -> impl Fn(CacheConfig) -> CacheConfig {
    move |config| config.source("db", SourceLimit::new(limit))
}

async fn on_each(limit: u32, body: impl AsyncFn(TestCache)) {
    for store in Store::ALL {
        on_store(store, db(limit), &body).await;
    }
}

#[tokio::test]
async fn no_more_bodies_of_a_source_run_at_once_than_its_limit() {
    on_each(2, async |cache: TestCache| {
        let bodies = Bodies::default();
        let calls: Vec<_> = (0..20).map(|id| cache.spawn(row(bodies.clone(), id))).collect();
        wait_in_queue(&cache.manager, "db", 18).await;
        bodies.release(20);
        in_time(join_all(calls)).await;
        assert_eq!((bodies.most(), bodies.begun().len()), (2, 20));
        let db = source(&cache.manager, "db");
        assert_eq!((db.limit, db.shed, db.open), (2, 0, None));
        assert_eq!(cache.manager.stats().total.queued, db.queued);
        is_at_rest(&cache.manager);
    })
    .await;
}

#[tokio::test]
async fn a_function_has_a_limit_of_its_own_and_a_source_that_is_not_configured_has_none() {
    on_store(
        Store::Memory,
        |config| config,
        async |cache: TestCache| {
            let bodies = Bodies::default();
            let calls: Vec<_> = (0..5).map(|id| cache.spawn(three(bodies.clone(), id))).collect();
            bodies.have_begun(3).await;
            until(async || cache.manager.stats().limits.iter().any(|of| of.waiting == 2)).await;
            let stats = cache.manager.stats();
            let site = stats.sites.iter().find(|site| site.running > 0).unwrap();
            assert_eq!((site.running, site.waiting, stats.sources.len()), (3, 2, 0));
            bodies.release(5);
            in_time(join_all(calls)).await;
            assert_eq!(bodies.most(), 3);
            is_at_rest(&cache.manager);
        },
    )
    .await;
}

#[tokio::test]
async fn loads_run_in_the_order_of_their_calls() {
    on_store(Store::Memory, db(1), async |cache: TestCache| {
        let bodies = Bodies::default();
        let mut calls = Vec::new();
        for id in 0..6 {
            calls.push(cache.spawn(row(bodies.clone(), id)));
            match id {
                0 => bodies.have_begun(1).await,
                id => wait_in_queue(&cache.manager, "db", id).await,
            }
        }
        bodies.release(6);
        in_time(join_all(calls)).await;
        assert_eq!(bodies.begun(), [0, 1, 2, 3, 4, 5]);
    })
    .await;
}

#[tokio::test]
async fn misses_come_before_refreshes_and_do_not_starve_them() {
    on_store(Store::Memory, db(1), async |cache: TestCache| {
        let bodies = Bodies::default();
        bodies.release(1);
        assert_eq!(refreshed(bodies.clone(), 100).await, 100);
        cache.clock.advance(MINUTE * 2);
        let mut calls = vec![cache.spawn(row(bodies.clone(), 0))];
        bodies.have_begun(2).await;
        // It is served at once, and its refresh waits.
        assert_eq!(refreshed(bodies.clone(), 100).await, 100);
        wait_in_queue(&cache.manager, "db", 1).await;
        for id in 1..=10 {
            calls.push(cache.spawn(row(bodies.clone(), id)));
            wait_in_queue(&cache.manager, "db", id + 1).await;
        }
        bodies.release(12);
        in_time(join_all(calls)).await;
        assert_eq!(bodies.begun(), [100, 0, 1, 2, 3, 4, 5, 6, 7, 100, 8, 9, 10]);
        until(async || cache.manager.stats().background_loads == 0).await;
        is_at_rest(&cache.manager);
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_gives_up_in_the_queue_leaves_its_place_and_its_flight_to_others() {
    on_each(1, async |cache: TestCache| {
        let bodies = Bodies::default();
        let first = cache.spawn(row(bodies.clone(), 0));
        bodies.have_begun(1).await;
        let leader = cache.spawn(row(bodies.clone(), 1));
        wait_in_queue(&cache.manager, "db", 1).await;
        let follower = cache.spawn(row(bodies.clone(), 1));
        let alone = cache.spawn(row(bodies.clone(), 2));
        wait_in_queue(&cache.manager, "db", 2).await;
        leader.abort();
        alone.abort();
        assert!(leader.await.is_err() && alone.await.is_err());
        // The follower leads now.
        wait_in_queue(&cache.manager, "db", 1).await;
        bodies.release(2);
        assert_eq!(in_time(first).await.unwrap(), 0);
        assert_eq!(in_time(follower).await.unwrap(), 1);
        assert_eq!(bodies.begun(), [0, 1]);
        is_at_rest(&cache.manager);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_panics_gives_its_permit_back() {
    on_each(1, async |cache: TestCache| {
        let bodies = Bodies::default();
        let panicking = cache.spawn(panics(bodies.clone(), 0));
        bodies.have_begun(1).await;
        let next = cache.spawn(row(bodies.clone(), 1));
        wait_in_queue(&cache.manager, "db", 1).await;
        bodies.release(2);
        assert!(in_time(panicking).await.unwrap_err().is_panic());
        assert_eq!(in_time(next).await.unwrap(), 1);
        is_at_rest(&cache.manager);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_dropped_gives_its_permit_back() {
    on_each(1, async |cache: TestCache| {
        let bodies = Bodies::default();
        let dropped = cache.spawn(row(bodies.clone(), 0));
        bodies.have_begun(1).await;
        let next = cache.spawn(row(bodies.clone(), 1));
        wait_in_queue(&cache.manager, "db", 1).await;
        dropped.abort();
        bodies.release(1);
        assert_eq!(in_time(next).await.unwrap(), 1);
        is_at_rest(&cache.manager);
    })
    .await;
}

#[tokio::test]
async fn a_stale_value_is_served_instead_of_a_wait() {
    let serves = async |cache: TestCache| {
        let bodies = Bodies::default();
        bodies.release(1);
        assert_eq!(with_stale(bodies.clone(), 7).await, Ok(7));
        cache.clock.advance(MINUTE * 2);
        let busy = cache.spawn(row(bodies.clone(), 0));
        bodies.have_begun(2).await;
        assert_eq!(in_time(with_stale(bodies.clone(), 7)).await, Ok(7));
        assert_eq!(cache.manager.stats().total.stale_served, 1);
        bodies.release(2);
        in_time(busy).await.unwrap();
        assert_eq!(with_stale(bodies.clone(), 7).await, Ok(7));
        assert_eq!(bodies.begun(), [7, 0, 7]);
        is_at_rest(&cache.manager);
    };
    for store in Store::INTENDED {
        on_store(store, db(1), serves).await;
    }
}

// R2: what was noted before the wait is not what the body has read.
#[tokio::test]
async fn a_load_that_an_invalidation_overtook_in_the_queue_stores_its_value() {
    for store in [Store::Memory, Store::Redis, Store::Tiered, Store::Cluster, Store::TieredCluster]
    {
        on_store(store, db(1), async |cache: TestCache| {
            let bodies = Bodies::default();
            let busy = cache.spawn(row(bodies.clone(), 0));
            bodies.have_begun(1).await;
            let load = cache.spawn(row(bodies.clone(), 1));
            wait_in_queue(&cache.manager, "db", 1).await;
            change(1).await;
            bodies.release(2);
            assert_eq!(in_time(load).await.unwrap(), 1);
            in_time(busy).await.unwrap();
            assert_eq!(in_time(row(bodies.clone(), 1)).await, 1);
            assert_eq!(bodies.begun(), [0, 1], "the value was stored");
            is_at_rest(&cache.manager);
        })
        .await;
    }
}

#[tokio::test]
async fn each_manager_has_limits_of_its_own() {
    on_store(Store::Memory, db(1), async |cache: TestCache| {
        let (bodies, other) = (Bodies::default(), cache.peer().await);
        let here = cache.spawn(row(bodies.clone(), 0));
        bodies.have_begun(1).await;
        let there = crate::stores::spawn_with(&other, row(bodies.clone(), 1));
        bodies.have_begun(2).await;
        bodies.release(2);
        in_time(join_all([here, there])).await;
        assert_eq!((source(&cache.manager, "db").queued, source(&other, "db").queued), (0, 0));
    })
    .await;
}
