//! `shed`: calls that are given up instead of waiting.

use std::time::Duration;

use cache_runtime::{CacheConfig, Shed, SourceLimit, cached};

use super::{Bodies, is_at_rest, source, wait_in_queue};
use crate::stores::{Store, TestCache, in_time, on_store, until};

#[derive(Clone, Debug, PartialEq)]
enum Failure {
    Busy(Shed),
}

impl From<Shed> for Failure {
    fn from(shed: Shed) -> Self {
        Failure::Busy(shed)
    }
}

#[derive(Debug)]
struct NotClone(Shed);

impl From<Shed> for NotClone {
    fn from(shed: Shed) -> Self {
        NotClone(shed)
    }
}

#[cached(ttl = "1m", source = "db", shed, key = "{id}")]
async fn at_once(bodies: Bodies, id: u64) -> Result<u64, Failure> {
    bodies.run(id).await;
    Ok(id)
}

#[cached(ttl = "1m", source = "db", shed = "200ms", error_ttl = "1h", key = "{id}")]
async fn after_a_while(bodies: Bodies, id: u64) -> Result<u64, Failure> {
    bodies.run(id).await;
    Ok(id)
}

#[cached(ttl = "1m", source = "db", shed = "200ms", key = "{id}")]
async fn not_clone(bodies: Bodies, id: u64) -> Result<u64, NotClone> {
    bodies.run(id).await;
    Ok(id)
}

#[cached(ttl = "1m", source = "db", shed, stale_if_error = "1h", key = "{id}")]
async fn with_stale(bodies: Bodies, id: u64) -> Result<u64, Failure> {
    bodies.run(id).await;
    Ok(id)
}

fn db(config: CacheConfig) -> CacheConfig {
    config.source("db", SourceLimit::new(1))
}

#[tokio::test]
async fn a_call_that_does_not_wait_gets_an_error_that_says_why() {
    for store in Store::ALL {
        on_store(store, db, async |cache: TestCache| {
            let bodies = Bodies::default();
            let busy = cache.spawn(at_once(bodies.clone(), 0));
            bodies.have_begun(1).await;
            let Err(Failure::Busy(shed)) = in_time(at_once(bodies.clone(), 1)).await else {
                panic!("it does not wait");
            };
            assert_eq!((shed.source_name(), shed.limit()), ("db", 1));
            assert!(
                shed.to_string().starts_with("db is busy or fails: it has at most 1 loads at once")
            );
            bodies.release(2);
            assert_eq!(in_time(busy).await.unwrap(), Ok(0));
            assert_eq!(in_time(at_once(bodies.clone(), 1)).await, Ok(1));
            let (db, total) = (source(&cache.manager, "db"), cache.manager.stats().total);
            assert_eq!((db.shed, total.shed, total.load_errors, total.loads), (1, 1, 0, 2));
            is_at_rest(&cache.manager);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_after_a_wait_reaches_the_followers_and_is_not_remembered() {
    on_store(Store::Memory, db, async |cache: TestCache| {
        let bodies = Bodies::default();
        let busy = cache.spawn(after_a_while(bodies.clone(), 0));
        bodies.have_begun(1).await;
        let leader = cache.spawn(after_a_while(bodies.clone(), 1));
        wait_in_queue(&cache.manager, "db", 1).await;
        let follower = cache.spawn(after_a_while(bodies.clone(), 1));
        let (leader, follower) = (leader.await.unwrap(), follower.await.unwrap());
        let Err(Failure::Busy(shed)) = &leader else { panic!("{leader:?}") };
        assert_eq!(shed.waited(), Duration::from_millis(200));
        assert_eq!(leader, follower);
        assert_eq!(
            source(&cache.manager, "db").shed,
            1,
            "the follower has not waited in the queue"
        );
        bodies.release(2);
        assert_eq!(busy.await.unwrap(), Ok(0));
        assert_eq!(after_a_while(bodies.clone(), 1).await, Ok(1), "it is not remembered");
        is_at_rest(&cache.manager);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_an_error_that_can_be_shared_each_caller_decides_for_itself() {
    on_store(Store::Memory, db, async |cache: TestCache| {
        let bodies = Bodies::default();
        let busy = cache.spawn(not_clone(bodies.clone(), 0));
        bodies.have_begun(1).await;
        let leader = cache.spawn(not_clone(bodies.clone(), 1));
        wait_in_queue(&cache.manager, "db", 1).await;
        let follower = cache.spawn(not_clone(bodies.clone(), 1));
        assert_eq!(leader.await.unwrap().unwrap_err().0.source_name(), "db");
        wait_in_queue(&cache.manager, "db", 1).await;
        bodies.release(2);
        assert_eq!(follower.await.unwrap().unwrap(), 1);
        assert_eq!(busy.await.unwrap().unwrap(), 0);
        is_at_rest(&cache.manager);
    })
    .await;
}

#[tokio::test]
async fn a_stale_value_comes_before_the_error() {
    on_store(Store::Memory, db, async |cache: TestCache| {
        let bodies = Bodies::default();
        bodies.release(1);
        assert_eq!(with_stale(bodies.clone(), 1).await, Ok(1));
        cache.clock.advance(Duration::from_secs(120));
        let busy = cache.spawn(at_once(bodies.clone(), 0));
        bodies.have_begun(2).await;
        assert_eq!(in_time(with_stale(bodies.clone(), 1)).await, Ok(1));
        assert_eq!(source(&cache.manager, "db").shed, 0);
        bodies.release(1);
        assert_eq!(in_time(busy).await.unwrap(), Ok(0));
        until(async || source(&cache.manager, "db").running == 0).await;
    })
    .await;
}
