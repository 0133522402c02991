//! Calls of many keys that are dropped, fail or panic.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use cache_runtime::cached;
use tokio::task::{JoinHandle, yield_now};

use super::data::{Rows, row, rows, tenfold};
use crate::stores::{TestCache, in_time, on_each_store};

async fn called(data: Rows, ids: Vec<u64>) -> HashMap<u64, u64> {
    rows(&data, &ids).await.unwrap()
}

async fn turns() {
    for _ in 0..50 {
        yield_now().await;
    }
}

// R4: if the caller that leads is dropped, each of its ids is loaded by another.
#[tokio::test]
async fn callers_that_wait_take_over_from_one_that_is_dropped() {
    on_each_store(async |cache: TestCache| {
        let data = Rows::new();
        let hold = data.hold();
        let dropped = cache.spawn(called(data.clone(), vec![1, 2, 3]));
        hold.reached().await;
        let all: Vec<JoinHandle<_>> =
            [vec![2, 1], vec![3, 2]].map(|ids| cache.spawn(called(data.clone(), ids))).into();
        let single = cache.spawn({
            let data = data.clone();
            async move { row(&data, 3).await }
        });
        turns().await;
        dropped.abort();
        let mut found = Vec::new();
        for call in all {
            found.push(in_time(call).await.unwrap());
        }
        assert_eq!(found, [tenfold(&[1, 2]), tenfold(&[2, 3])]);
        assert_eq!(in_time(single).await.unwrap(), Ok(Some(30)));
        let reads = data.reads();
        assert_eq!((reads[&1], reads[&2], reads[&3]), (2, 2, 2), "once before, and once after");
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}

/// A caller that is dropped after so many polls, at each of its await points in turn.
#[tokio::test]
async fn a_call_may_be_dropped_at_each_of_its_await_points() {
    on_each_store(async |cache: TestCache| {
        let mut polls = 0;
        loop {
            let data = Rows::new();
            let first = 100 * polls + 1;
            let ids: Vec<u64> = (first..first + 3).collect();
            ids.iter().for_each(|id| data.set(*id, id * 10));
            let mut call = Box::pin(called(data.clone(), ids.clone()));
            let mut ended = false;
            for _ in 0..polls {
                ended = call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
                if ended {
                    break;
                }
                yield_now().await;
            }
            drop(call);
            assert_eq!(cache.manager.stats().flights, 0);
            assert_eq!(in_time(called(data.clone(), ids.clone())).await, tenfold(&ids));
            if ended {
                break;
            }
            polls += 1;
            assert!(polls < 10_000, "it ends");
        }
    })
    .await;
}

/// Fails as long as there are failures left.
#[cached(ttl = "1m", key_prefix = "failing", key = "{id}", each(id in ids))]
async fn failing(
    data: &Rows,
    failures: &Arc<AtomicUsize>,
    ids: &[u64],
) -> Result<HashMap<u64, u64>, String> {
    let left =
        failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    let found = data.read(ids).await;
    if left.is_ok() { Err(format!("failed for {ids:?}")) } else { Ok(found) }
}

#[tokio::test]
async fn a_failure_stores_nothing_and_is_that_of_its_caller_alone() {
    on_each_store(async |cache: TestCache| {
        let (data, failures) = (Rows::new(), Arc::new(AtomicUsize::new(1)));
        let hold = data.hold();
        let call = |ids: Vec<u64>| {
            let (data, failures) = (data.clone(), Arc::clone(&failures));
            cache.spawn(async move { failing(&data, &failures, &ids).await })
        };
        let first = call(vec![1, 2]);
        hold.reached().await;
        let others = [call(vec![2, 3]), call(vec![1])];
        turns().await;
        hold.release();
        assert_eq!(in_time(first).await.unwrap(), Err("failed for [1, 2]".to_owned()));
        let [second, third] = others;
        assert_eq!(in_time(second).await.unwrap(), Ok(tenfold(&[2, 3])));
        assert_eq!(in_time(third).await.unwrap(), Ok(tenfold(&[1])));
        assert_eq!(in_time(call(vec![1, 2, 3])).await.unwrap(), Ok(tenfold(&[1, 2, 3])));
        assert_eq!(data.reads(), BTreeMap::from([(1, 2), (2, 2), (3, 1)]));
        let total = cache.manager.stats().total;
        assert_eq!((total.loads, total.load_errors), (4, 1));
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}

// R4: after a failure that cannot be shared, no more than eight bodies of a key run at once.
#[tokio::test]
async fn callers_of_a_failing_source_do_not_load_one_after_another_nor_all_at_once() {
    on_each_store(async |cache: TestCache| {
        let (data, failures) = (Rows::new(), Arc::new(AtomicUsize::new(1_000)));
        let call = || {
            let (data, failures) = (data.clone(), Arc::clone(&failures));
            cache.spawn(async move { failing(&data, &failures, &[1, 2, 3]).await })
        };
        let hold = data.hold();
        let first = call();
        hold.reached().await;
        let others: Vec<_> = (0..20).map(|_| call()).collect();
        turns().await;
        hold.release();
        assert!(in_time(first).await.unwrap().is_err());
        for other in others {
            assert!(in_time(other).await.unwrap().is_err());
        }
        // One body each, for all of its ids at once.
        assert!(data.bodies().iter().all(|ids| ids.len() == 3));
        assert_eq!(cache.manager.stats().total.loads, 21);
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "panicking", key = "{id}", each(id in ids))]
async fn panicking(data: &Rows, ids: &[u64]) -> HashMap<u64, u64> {
    let found = data.read(ids).await;
    assert!(!ids.contains(&9), "nine");
    found
}

#[tokio::test]
async fn a_panic_reaches_its_caller_and_frees_the_ids() {
    on_each_store(async |cache: TestCache| {
        let data = Rows::new();
        let hold = data.hold();
        let panics = cache.spawn({
            let data = data.clone();
            async move { panicking(&data, &[1, 9, 2]).await }
        });
        hold.reached().await;
        let other = cache.spawn({
            let data = data.clone();
            async move { panicking(&data, &[2, 1]).await }
        });
        turns().await;
        hold.release();
        assert!(in_time(panics).await.unwrap_err().is_panic());
        assert_eq!(in_time(other).await.unwrap(), tenfold(&[1, 2]));
        assert_eq!(cache.manager.stats().flights, 0);
        let total = cache.manager.stats().total;
        assert_eq!((total.loads, total.load_errors), (2, 1));
    })
    .await;
}
