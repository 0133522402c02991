//! `#[cache_put]` on functions of many keys.

use std::collections::{BTreeMap, HashMap, HashSet};

use cache_runtime::{CacheCall as _, CacheManager, cache_put, cached, with};

use super::data::{Rows, row, rows, tenfold};
use crate::source::Hold;
use crate::stores::{Store, TestCache, in_time, on_each_store, on_stores, spawn_with, until};

/// Writes these values, and returns the rows that there are.
#[cache_put(entry = row(data, id), each(id in ids))]
async fn update(data: &Rows, ids: &[u64], value: u64) -> Result<HashMap<u64, u64>, String> {
    if ids.contains(&99) {
        return Err("no row 99".into());
    }
    ids.iter().filter(|id| **id < 10).for_each(|id| data.set(*id, value));
    Ok(data.read(ids).await)
}

/// The same with another `when` and a condition.
#[cache_put(
    entry = row(data, id),
    each(id in ids),
    when = "always",
    if = |result| !matches!(result, Ok(found) if found.is_empty())
)]
async fn update_or_fail(
    data: &Rows,
    ids: Vec<u64>,
    outcome: Result<BTreeMap<u64, u64>, ()>,
) -> Result<BTreeMap<u64, u64>, ()> {
    _ = (data, ids);
    outcome
}

/// A value that there always is.
#[cached(ttl = "1m", key_prefix = "solid", key = "{id}", cache_if = |value| *value != 13)]
async fn solid(data: &Rows, id: u64) -> u64 {
    data.read(&[id]).await.remove(&id).unwrap_or_default()
}

#[cached(entry = solid(data, id), each(id in ids))]
async fn solids(data: &Rows, ids: &[u64]) -> HashMap<u64, u64> {
    data.read(ids).await
}

/// Returns `values` by id.
#[cache_put(entry = solid(data, id), each(id in ids))]
async fn set_solids(
    data: &Rows,
    ids: &HashSet<u64>,
    values: HashMap<u64, u64>,
) -> HashMap<u64, u64> {
    _ = (data, ids);
    values
}

/// Returns `values` in the order of the ids.
#[cache_put(entry = solid(data, id), each(id in ids))]
async fn set_in_order(data: &Rows, ids: Vec<u64>, values: Vec<u64>) -> Vec<u64> {
    _ = (data, ids);
    values
}

/// The entries hold an `Option` of the items.
#[cache_put(entry = row(data, id), entry = solid(data, id), each(id in ids))]
async fn set_both(data: &Rows, ids: &[u64], values: Vec<u64>) -> Vec<u64> {
    _ = (data, ids);
    values
}

async fn kept(data: &Rows, ids: &[u64]) -> Vec<Option<Option<u64>>> {
    let mut kept = Vec::new();
    for id in ids {
        let found = row(data, *id).cache_entry().peek().await.unwrap();
        kept.push(found.map(|found| found.unwrap()));
    }
    kept
}

async fn solid_kept(data: &Rows, ids: &[u64]) -> Vec<Option<u64>> {
    let mut kept = Vec::new();
    for id in ids {
        kept.push(solid(data, *id).cache_entry().peek().await.unwrap());
    }
    kept
}

#[tokio::test]
async fn what_is_put_is_served_without_a_load() {
    on_each_store(async |cache: TestCache| {
        let data = Rows::new();
        assert_eq!(row(&data, 1).await, Ok(Some(10)));
        assert_eq!(rows(&data, &[2, 3]).await, Ok(tenfold(&[2, 3])));
        data.bodies();
        let put = update(&data, &[1, 2, 4, 2], 5).await;
        assert_eq!(put, Ok(HashMap::from([(1, 5), (2, 5), (4, 5)])));
        assert_eq!(data.bodies(), [[1, 2, 4, 2]], "the body gets all ids as they are");
        assert_eq!(row(&data, 1).await, Ok(Some(5)));
        assert_eq!(row(&data, 4).await, Ok(Some(5)));
        let all = rows(&data, &[1, 2, 3, 4]).await;
        assert_eq!(all, Ok(HashMap::from([(1, 5), (2, 5), (3, 30), (4, 5)])));
        assert_eq!(data.bodies(), Vec::<Vec<u64>>::new());
        // In an outage, a put does not reach its store.
        let stores = if cache.store == Store::Outage { 3 } else { 6 };
        assert_eq!(cache.manager.stats().total.stores, stores);
    })
    .await;
}

// So many names share counters in memory.
#[tokio::test]
async fn a_thousand_values_of_one_call_do_not_displace_each_other() {
    on_stores(&[Store::Memory, Store::Tiered], async |_| {
        let data = Rows::new();
        let ids: Vec<u64> = (1000..2000).collect();
        set_in_order(&data, ids.clone(), ids.clone()).await;
        let found = solids(&data, &ids).await;
        assert_eq!(found, ids.iter().map(|id| (*id, *id)).collect());
        assert_eq!(data.bodies(), Vec::<Vec<u64>>::new());
    })
    .await;
}

#[tokio::test]
async fn an_id_without_an_item_is_stored_as_absent_if_its_entry_holds_an_option() {
    on_each_store(async |_| {
        let data = Rows::new();
        assert_eq!(row(&data, 1).await, Ok(Some(10)));
        data.set(20, 200);
        assert_eq!(row(&data, 20).await, Ok(Some(200)));
        data.remove(20);
        assert_eq!(update(&data, &[1, 20, 21], 5).await, Ok(HashMap::from([(1, 5)])));
        assert_eq!(kept(&data, &[1, 20, 21]).await, [Some(Some(5)), Some(None), Some(None)]);
    })
    .await;
}

#[tokio::test]
async fn an_id_without_an_item_is_removed_if_its_entry_holds_none() {
    on_each_store(async |_| {
        let data = Rows::new();
        assert_eq!(solids(&data, &[1, 2, 3]).await, tenfold(&[1, 2, 3]));
        let values = HashMap::from([(1, 5), (3, 13), (7, 70)]);
        let put = set_solids(&data, &HashSet::from([1, 2, 3]), values.clone()).await;
        assert_eq!(put, values, "also the item of an id that was not asked for");
        assert_eq!(solid_kept(&data, &[1, 2, 3, 7]).await, [Some(5), None, None, None]);
    })
    .await;
}

#[tokio::test]
async fn a_list_is_stored_in_the_order_of_the_ids() {
    on_each_store(async |_| {
        let data = Rows::new();
        assert_eq!(set_in_order(&data, vec![3, 1, 3], vec![5, 6, 7]).await, [5, 6, 7]);
        assert_eq!(solids(&data, &[1, 3]).await, HashMap::from([(1, 6), (3, 7)]));
        assert_eq!(set_both(&data, &[4, 5], vec![8, 9]).await, [8, 9]);
        assert_eq!(kept(&data, &[4, 5]).await, [Some(Some(8)), Some(Some(9))]);
        assert_eq!(solid_kept(&data, &[4, 5]).await, [Some(8), Some(9)]);
        assert_eq!(set_both(&data, &[], vec![]).await, [0; 0]);
        assert_eq!(data.bodies(), Vec::<Vec<u64>>::new());
    })
    .await;
}

#[tokio::test]
async fn a_list_of_the_wrong_length_removes_every_entry() {
    on_each_store(async |_| {
        let data = Rows::new();
        solids(&data, &[1, 2, 3]).await;
        assert_eq!(
            set_in_order(&data, vec![1, 2], vec![5]).await,
            [5],
            "the caller has its output"
        );
        assert_eq!(solid_kept(&data, &[1, 2, 3]).await, [None, None, Some(30)]);
    })
    .await;
}

#[tokio::test]
async fn a_failure_means_what_when_says() {
    on_each_store(async |_| {
        let data = Rows::new();
        rows(&data, &[1, 2]).await.unwrap();
        update(&data, &[1, 99], 5).await.unwrap_err();
        assert_eq!(kept(&data, &[1, 2]).await, [Some(Some(10)), Some(Some(20))]);
        // The condition sees the whole output.
        update_or_fail(&data, vec![1, 2], Ok(BTreeMap::new())).await.unwrap();
        assert_eq!(kept(&data, &[1, 2]).await, [Some(Some(10)), Some(Some(20))]);
        update_or_fail(&data, vec![1, 2], Ok(BTreeMap::from([(1, 5)]))).await.unwrap();
        assert_eq!(kept(&data, &[1, 2]).await, [Some(Some(5)), Some(None)]);
        update_or_fail(&data, vec![1, 2], Err(())).await.unwrap_err();
        assert_eq!(kept(&data, &[1, 2]).await, [None, None]);
    })
    .await;
}

/// Begins a put of 5 to rows 1 and 2 that waits in its body until the hold is released.
async fn begin_put(
    process: &CacheManager,
    data: &Rows,
) -> (tokio::task::JoinHandle<HashMap<u64, u64>>, Hold) {
    let hold = data.hold();
    let data = data.clone();
    let put = spawn_with(process, async move { update(&data, &[1, 2], 5).await.unwrap() });
    hold.reached().await;
    (put, hold)
}

/// This process, and with Redis another one.
async fn processes(cache: &TestCache) -> Vec<CacheManager> {
    let mut processes = vec![cache.manager.clone()];
    if cache.store.has_redis() {
        processes.push(cache.peer().await);
    }
    processes
}

// R2: a value that is older than an invalidation is not stored.
#[tokio::test]
async fn an_entry_that_is_invalidated_during_the_body_is_not_stored() {
    on_each_store(async |cache: TestCache| {
        for by in &processes(&cache).await {
            let data = Rows::new();
            rows(&data, &[1, 2]).await.unwrap();
            let (put, hold) = begin_put(&cache.manager, &data).await;
            with(by, async { row(&data, 2).cache_entry().invalidate().await.unwrap() }).await;
            data.set(2, 6);
            hold.release();
            assert_eq!(put.await.unwrap(), HashMap::from([(1, 5), (2, 5)]));
            for process in [&cache.manager, by] {
                let found = with(process, rows(&data, &[1, 2])).await;
                assert_eq!(found, Ok(HashMap::from([(1, 5), (2, 6)])));
            }
            cache.manager.invalidate_prefix("row").await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_prefix_that_is_invalidated_during_the_body_refuses_all_values() {
    on_each_store(async |cache: TestCache| {
        for by in &processes(&cache).await {
            let data = Rows::new();
            rows(&data, &[1, 2]).await.unwrap();
            let (put, hold) = begin_put(&cache.manager, &data).await;
            by.invalidate_prefix("row").await.unwrap();
            data.set(1, 6);
            data.set(2, 6);
            hold.release();
            put.await.unwrap();
            let found = with(by, rows(&data, &[1, 2])).await;
            assert_eq!(found, Ok(HashMap::from([(1, 6), (2, 6)])));
            cache.manager.invalidate_prefix("row").await.unwrap();
        }
    })
    .await;
}

// R2: what a reader has read before the put is not stored over it.
#[tokio::test]
async fn a_load_that_began_before_a_put_is_not_stored_over_it() {
    on_each_store(async |cache: TestCache| {
        for by in &processes(&cache).await {
            let data = Rows::new();
            let hold = data.hold();
            let reader = data.clone();
            let load = spawn_with(by, async move { rows(&reader, &[1, 2]).await.unwrap() });
            hold.reached().await;
            update(&data, &[1, 2], 5).await.unwrap();
            hold.release();
            assert_eq!(in_time(load).await.unwrap(), tenfold(&[1, 2]));
            for process in [&cache.manager, by] {
                let found = with(process, rows(&data, &[1, 2])).await;
                assert_eq!(found, Ok(HashMap::from([(1, 5), (2, 5)])));
            }
            cache.manager.invalidate_prefix("row").await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_load_that_ended_during_the_body_is_not_overwritten_by_something_older() {
    on_each_store(async |cache: TestCache| {
        let data = Rows::new();
        let (put, hold) = begin_put(&cache.manager, &data).await;
        data.set(1, 6);
        data.set(2, 6);
        assert_eq!(rows(&data, &[1, 2]).await, Ok(HashMap::from([(1, 6), (2, 6)])));
        hold.release();
        put.await.unwrap();
        for found in kept(&data, &[1, 2]).await {
            assert_ne!(found, Some(Some(5)));
        }
    })
    .await;
}

#[tokio::test]
async fn of_two_puts_that_end_in_the_other_order_neither_leaves_an_older_value() {
    on_each_store(async |cache: TestCache| {
        let processes = processes(&cache).await;
        for second in &processes {
            let data = Rows::new();
            rows(&data, &[1, 2]).await.unwrap();
            let (older, hold) = begin_put(&cache.manager, &data).await;
            with(second, update(&data, &[2, 3], 6)).await.unwrap();
            hold.release();
            older.await.unwrap();
            for process in &processes {
                let found = with(process, rows(&data, &[1, 2, 3])).await;
                assert_eq!(found, Ok(HashMap::from([(1, 5), (2, 6), (3, 6)])));
            }
            cache.manager.invalidate_prefix("row").await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_put_that_is_dropped_in_its_body_removes_the_entries() {
    on_each_store(async |cache: TestCache| {
        let data = Rows::new();
        rows(&data, &[1, 2, 3]).await.unwrap();
        let (put, hold) = begin_put(&cache.manager, &data).await;
        put.abort();
        assert!(put.await.unwrap_err().is_cancelled());
        hold.release();
        until(async || kept(&data, &[1, 2]).await == [None, None]).await;
        assert_eq!(kept(&data, &[3]).await, [Some(Some(30))]);
    })
    .await;
}

#[tokio::test]
async fn a_put_whose_body_panics_removes_the_entries() {
    #[cache_put(entry = row(data, id), each(id in ids))]
    async fn panics(data: &Rows, ids: &[u64]) -> HashMap<u64, u64> {
        _ = data;
        assert!(ids.is_empty(), "a panic of the body");
        HashMap::new()
    }

    on_each_store(async |cache: TestCache| {
        let data = Rows::new();
        rows(&data, &[1, 2]).await.unwrap();
        let given = data.clone();
        let put = cache.spawn(async move { panics(&given, &[1, 2]).await });
        assert!(put.await.unwrap_err().is_panic());
        until(async || kept(&data, &[1, 2]).await == [None, None]).await;
    })
    .await;
}

#[tokio::test]
async fn a_put_is_seen_by_another_process() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let data = Rows::new();
        let peer = cache.peer().await;
        assert_eq!(with(&peer, rows(&data, &[1, 2])).await, Ok(tenfold(&[1, 2])));
        update(&data, &[1, 2], 5).await.unwrap();
        data.bodies();
        assert_eq!(with(&peer, row(&data, 1)).await, Ok(Some(5)));
        let found = with(&peer, rows(&data, &[1, 2])).await;
        assert_eq!(found, Ok(HashMap::from([(1, 5), (2, 5)])));
        assert_eq!(data.bodies(), Vec::<Vec<u64>>::new());
    })
    .await;
}
