//! Limits on functions of many keys, on functions that are not async, and on detached ones.

use std::thread;

use cache_runtime::{CacheConfig, Shed, SourceLimit, cached, with_blocking};

use super::{Bodies, is_at_rest, join_all, source, wait_in_queue};
use crate::stores::{Store, TestCache, in_time, on_store, until};

#[derive(Clone, Debug, PartialEq)]
struct Busy;

impl From<Shed> for Busy {
    fn from(_: Shed) -> Self {
        Busy
    }
}

#[cached(ttl = "1m", source = "db", each(id in ids), max_batch = 4, key = "{id}")]
async fn rows(bodies: Bodies, ids: Vec<u64>) -> Result<Vec<u64>, String> {
    bodies.run(ids[0]).await;
    Ok(ids)
}

#[cached(ttl = "1m", source = "db", shed, each(id in ids), key = "{id}")]
async fn shed_rows(bodies: Bodies, ids: Vec<u64>) -> Result<Vec<u64>, Busy> {
    bodies.run(ids[0]).await;
    Ok(ids)
}

#[cached(ttl = "1m", source = "db", detached = true, key = "{id}")]
async fn detached(bodies: Bodies, id: u64) -> u64 {
    bodies.run(id).await;
    id
}

#[cached(ttl = "1m", source = "db", key = "{id}")]
fn on_thread(bodies: Bodies, id: u64) -> u64 {
    let _body = bodies.begin(id);
    thread::yield_now();
    id
}

#[cached(ttl = "1m", source = "db", key = "{id}")]
fn outer_on_thread(bodies: Bodies, id: u64) -> u64 {
    on_thread(bodies, id)
}

fn db(config: CacheConfig) -> CacheConfig {
    config.source("db", SourceLimit::new(1))
}

#[tokio::test]
async fn one_body_of_many_keys_has_one_permit() {
    for store in [Store::Memory, Store::Redis, Store::Tiered, Store::Outage] {
        on_store(store, db, async |cache: TestCache| {
            let bodies = Bodies::default();
            let first = cache.spawn(rows(bodies.clone(), (0..10).collect()));
            bodies.have_begun(1).await;
            let second = cache.spawn(rows(bodies.clone(), (20..22).collect()));
            wait_in_queue(&cache.manager, "db", 1).await;
            assert_eq!(source(&cache.manager, "db").running, 1);
            bodies.release(4);
            assert_eq!(in_time(first).await.unwrap().unwrap().len(), 10);
            assert_eq!(in_time(second).await.unwrap(), Ok(vec![20, 21]));
            assert_eq!((bodies.most(), bodies.begun().len()), (1, 4));
            assert_eq!(in_time(rows(bodies.clone(), vec![3, 21])).await, Ok(vec![3, 21]));
            is_at_rest(&cache.manager);
        })
        .await;
    }
}

#[tokio::test]
async fn a_call_of_many_keys_can_be_given_up() {
    on_store(Store::Memory, db, async |cache: TestCache| {
        let bodies = Bodies::default();
        let busy = cache.spawn(shed_rows(bodies.clone(), vec![0, 1]));
        bodies.have_begun(1).await;
        assert_eq!(in_time(shed_rows(bodies.clone(), vec![2, 3])).await, Err(Busy));
        bodies.release(2);
        assert_eq!(in_time(busy).await.unwrap(), Ok(vec![0, 1]));
        assert_eq!(in_time(shed_rows(bodies.clone(), vec![2, 3])).await, Ok(vec![2, 3]));
        is_at_rest(&cache.manager);
    })
    .await;
}

#[tokio::test]
async fn a_detached_load_takes_its_permit_in_its_task() {
    on_store(Store::Memory, db, async |cache: TestCache| {
        let bodies = Bodies::default();
        let busy = cache.spawn(detached(bodies.clone(), 0));
        bodies.have_begun(1).await;
        let given_up = cache.spawn(detached(bodies.clone(), 1));
        wait_in_queue(&cache.manager, "db", 1).await;
        given_up.abort();
        assert!(given_up.await.is_err());
        assert_eq!(source(&cache.manager, "db").waiting, 1, "it goes on without its caller");
        bodies.release(2);
        assert_eq!(in_time(busy).await.unwrap(), 0);
        bodies.have_begun(2).await;
        until(async || source(&cache.manager, "db").running == 0).await;
        assert_eq!(in_time(detached(bodies.clone(), 1)).await, 1);
        assert_eq!(bodies.begun(), [0, 1]);
    })
    .await;
}

#[tokio::test]
async fn a_function_that_is_not_async_waits_on_its_thread() {
    on_store(Store::Memory, db, async |cache: TestCache| {
        let bodies = Bodies::default();
        let calls = (0..16).map(|id| {
            let (manager, bodies) = (cache.manager.clone(), bodies.clone());
            tokio::task::spawn_blocking(move || {
                with_blocking(&manager, || match id % 2 {
                    0 => on_thread(bodies, id),
                    _ => outer_on_thread(bodies, id),
                })
            })
        });
        let ended = in_time(join_all(calls)).await;
        assert_eq!(ended.into_iter().map(Result::unwrap).sum::<u64>(), 120);
        assert_eq!(bodies.most(), 1);
        is_at_rest(&cache.manager);
    })
    .await;
}
