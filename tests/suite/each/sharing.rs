//! Callers of many keys share loads with each other, and with callers of one key.

use std::collections::{BTreeMap, HashMap};

use cache_runtime::cached;
use tokio::task::{JoinHandle, yield_now};

use super::data::{Rows, many, row, rows, tenfold};
use crate::stores::{TestCache, in_time, on_each_store};

async fn called(data: Rows, ids: Vec<u64>) -> HashMap<u64, u64> {
    rows(&data, &ids).await.unwrap()
}

async fn one(data: Rows, id: u64) -> Option<u64> {
    row(&data, id).await.unwrap()
}

/// Gives each task its turn.
async fn turns() {
    for _ in 0..50 {
        yield_now().await;
    }
}

async fn output<T>(task: JoinHandle<T>) -> T {
    in_time(task).await.unwrap()
}

// R4: each id is loaded once, and two calls in opposite orders never wait for each other.
#[tokio::test]
async fn calls_that_overlap_load_each_id_once() {
    on_each_store(async |cache: TestCache| {
        let data = Rows::new();
        let hold = data.hold();
        let first = cache.spawn(called(data.clone(), vec![1, 2, 3]));
        hold.reached().await;
        let held = data.hold();
        let second = cache.spawn(called(data.clone(), vec![4, 3, 2]));
        // It runs the body for its own id before it waits for the others.
        held.reached().await;
        let third = cache.spawn(called(data.clone(), vec![1, 4]));
        turns().await;
        held.release();
        turns().await;
        hold.release();
        assert_eq!(output(first).await, tenfold(&[1, 2, 3]));
        assert_eq!(output(second).await, tenfold(&[2, 3, 4]));
        assert_eq!(output(third).await, tenfold(&[1, 4]));
        assert_eq!(data.bodies(), [vec![1, 2, 3], vec![4]]);
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_cold_calls_that_overlap_load_each_id_once() {
    on_each_store(async |cache: TestCache| {
        let data = Rows::new();
        (1..=200).for_each(|id| data.set(id, id * 10));
        let ids = |first: u64| -> Vec<u64> {
            let ids = first..first + 100;
            if first.is_multiple_of(2) { ids.collect() } else { ids.rev().collect() }
        };
        let calls: Vec<_> = (1..=50)
            .map(|first| (ids(first), cache.spawn(called(data.clone(), ids(first)))))
            .collect();
        for (ids, call) in calls {
            assert_eq!(output(call).await, tenfold(&ids));
        }
        let once: BTreeMap<u64, usize> = (1..=149).map(|id| (id, 1)).collect();
        assert_eq!(data.reads(), once);
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}

#[tokio::test]
async fn a_call_of_one_key_waits_for_that_of_many_and_the_other_way_round() {
    on_each_store(async |cache: TestCache| {
        let data = Rows::new();
        let hold = data.hold();
        let all = cache.spawn(called(data.clone(), vec![1, 2]));
        hold.reached().await;
        let single = cache.spawn(one(data.clone(), 2));
        turns().await;
        hold.release();
        assert_eq!(output(all).await, tenfold(&[1, 2]));
        assert_eq!(output(single).await, Some(20));
        assert_eq!(data.bodies(), [[1, 2]]);

        let hold = data.hold();
        let single = cache.spawn(one(data.clone(), 3));
        hold.reached().await;
        let all = cache.spawn(called(data.clone(), vec![3, 4]));
        turns().await;
        hold.release();
        assert_eq!(output(single).await, Some(30));
        assert_eq!(output(all).await, tenfold(&[3, 4]));
        assert_eq!(data.bodies(), [[3], [4]]);
        let total = cache.manager.stats().total;
        assert_eq!((total.coalesced, total.misses), (2, 6));
    })
    .await;
}

async fn of_many(data: Rows, ids: Vec<u64>) -> HashMap<u64, u64> {
    many(&data, &ids).await
}

#[tokio::test]
async fn that_an_id_is_absent_is_shared_too() {
    on_each_store(async |cache: TestCache| {
        let data = Rows::new();
        let hold = data.hold();
        let first = cache.spawn(of_many(data.clone(), vec![99, 1]));
        hold.reached().await;
        let second = cache.spawn(of_many(data.clone(), vec![1, 99]));
        turns().await;
        hold.release();
        assert_eq!(output(first).await, tenfold(&[1]));
        assert_eq!(output(second).await, tenfold(&[1]));
        assert_eq!(data.bodies(), [[99, 1]]);
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "unshared", key = "{id}", each(id in ids), coalesce = "off")]
async fn unshared(data: &Rows, ids: &[u64]) -> HashMap<u64, u64> {
    data.read(ids).await
}

async fn of_unshared(data: Rows) -> HashMap<u64, u64> {
    unshared(&data, &[1, 2]).await
}

#[tokio::test]
async fn without_coalescing_each_call_loads_for_itself() {
    on_each_store(async |cache: TestCache| {
        let data = Rows::new();
        let hold = data.hold();
        let first = cache.spawn(of_unshared(data.clone()));
        hold.reached().await;
        assert_eq!(of_unshared(data.clone()).await, tenfold(&[1, 2]));
        hold.release();
        assert_eq!(output(first).await, tenfold(&[1, 2]));
        assert_eq!(data.bodies(), [[1, 2], [1, 2]]);
    })
    .await;
}

/// A body that makes the call that runs it.
#[cached(ttl = "1m", key_prefix = "inside", key = "{id}", each(id in ids))]
async fn inside(data: &Rows, ids: &[u64], depth: usize) -> HashMap<u64, u64> {
    if depth > 0 {
        return Box::pin(inside(data, ids, depth - 1)).await;
    }
    data.read(ids).await
}

#[tokio::test]
async fn a_body_that_makes_its_own_call_does_not_wait_for_itself() {
    on_each_store(async |_| {
        let data = Rows::new();
        assert_eq!(in_time(inside(&data, &[1, 2], 2)).await, tenfold(&[1, 2]));
        assert_eq!(data.bodies(), [[1, 2]]);
        assert_eq!(inside(&data, &[1, 2], 0).await, tenfold(&[1, 2]));
        assert_eq!(data.bodies(), Vec::<Vec<u64>>::new());
    })
    .await;
}

/// A body that asks for other ids of its own function, as a tree does for its children.
#[cached(ttl = "1m", key_prefix = "around", key = "{id}", each(id in ids))]
async fn around(data: &Rows, ids: &[u64], depth: usize) -> HashMap<u64, u64> {
    yield_now().await;
    if depth > 0 {
        let next: Vec<u64> = ids.iter().map(|id| id % 4 + 1).collect();
        _ = Box::pin(around(data, &next, depth - 1)).await;
    }
    data.read(ids).await
}

#[tokio::test]
async fn bodies_that_ask_for_each_others_ids_end() {
    on_each_store(async |cache: TestCache| {
        let data = Rows::new();
        let call = |ids: Vec<u64>| {
            let data = data.clone();
            cache.spawn(async move { around(&data, &ids, 4).await })
        };
        let calls: Vec<_> =
            [[1, 2], [2, 1], [3, 4], [4, 2]].map(|ids| (ids, call(ids.to_vec()))).into();
        for (ids, call) in calls {
            assert_eq!(output(call).await, tenfold(&ids));
        }
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}
