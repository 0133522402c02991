//! Invalidation of the entries of functions of many keys, and by functions of many keys.

use std::collections::HashMap;

use cache_runtime::{CacheCall as _, cache_invalidate, cached};

use super::data::{Rows, many, row, rows, tenfold};
use crate::stores::{Store, TestCache, in_time, on_each_store, on_stores};

async fn called(data: Rows, ids: Vec<u64>) -> HashMap<u64, u64> {
    rows(&data, &ids).await.unwrap()
}

#[cache_invalidate(prefix = "many:{id}")]
async fn change(data: &Rows, id: u64, value: u64) {
    data.set(id, value);
}

#[tokio::test]
async fn the_entry_of_one_id_is_invalidated_alone() {
    on_each_store(async |_| {
        let data = Rows::new();
        assert_eq!(many(&data, &[1, 2, 3]).await, tenfold(&[1, 2, 3]));
        change(&data, 2, 21).await;
        assert_eq!(many(&data, &[1, 2, 3]).await, HashMap::from([(1, 10), (2, 21), (3, 30)]));
        assert_eq!(data.bodies(), [vec![1, 2, 3], vec![2]]);
    })
    .await;
}

#[cached(
    ttl = "1m",
    key_prefix = "tagged",
    key = "{id}",
    tags = ["even:{id}", "all"],
    each(id in ids)
)]
async fn tagged(data: &Rows, ids: &[u64]) -> HashMap<u64, u64> {
    data.read(ids).await
}

#[tokio::test]
async fn each_id_has_tags_of_its_own() {
    on_each_store(async |cache: TestCache| {
        let data = Rows::new();
        tagged(&data, &[1, 2, 3]).await;
        cache.manager.invalidate_tag("even:2").await.unwrap();
        tagged(&data, &[1, 2, 3]).await;
        cache.manager.invalidate_tag("all").await.unwrap();
        tagged(&data, &[1, 2, 3]).await;
        assert_eq!(data.bodies(), [vec![1, 2, 3], vec![2], vec![1, 2, 3]]);
    })
    .await;
}

// R1, R2: what was read before an invalidation is not stored after it, and a later caller does not get it.
#[tokio::test]
async fn a_value_that_was_read_before_an_invalidation_is_not_stored() {
    on_each_store(async |cache: TestCache| {
        let data = Rows::new();
        let hold = data.hold();
        let early = cache.spawn(called(data.clone(), vec![1, 2, 3]));
        hold.reached().await;
        data.set(2, 21);
        row(&data, 2).cache_entry().invalidate().await.unwrap();
        // It neither waits for that load, nor gets its value.
        assert_eq!(in_time(row(&data, 2)).await, Ok(Some(21)));
        let late = in_time(rows(&data, &[2, 3]));
        hold.release();
        assert_eq!(late.await, Ok(HashMap::from([(2, 21), (3, 30)])));
        assert_eq!(early.await.unwrap(), tenfold(&[1, 2, 3]), "its own value");
        assert_eq!(rows(&data, &[1, 2, 3]).await.unwrap()[&2], 21);
        assert_eq!(data.bodies(), [vec![1, 2, 3], vec![2]]);
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}

#[tokio::test]
async fn a_prefix_that_is_invalidated_during_a_load_refuses_all_of_its_values() {
    on_each_store(async |cache: TestCache| {
        let data = Rows::new();
        let hold = data.hold();
        let early = cache.spawn(called(data.clone(), vec![1, 2]));
        hold.reached().await;
        cache.manager.invalidate_prefix("row").await.unwrap();
        hold.release();
        assert_eq!(early.await.unwrap(), tenfold(&[1, 2]));
        assert_eq!(rows(&data, &[1, 2]).await, Ok(tenfold(&[1, 2])));
        assert_eq!(data.bodies(), [[1, 2], [1, 2]]);
        assert_eq!(cache.manager.stats().total.refused, 2);
    })
    .await;
}

#[tokio::test]
async fn the_invalidation_of_another_process_refuses_the_late_fill() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let data = Rows::new();
        let other = cache.peer().await;
        let hold = data.hold();
        let early = cache.spawn(called(data.clone(), vec![1, 2]));
        hold.reached().await;
        other.invalidate_prefix("row:2").await.unwrap();
        hold.release();
        assert_eq!(early.await.unwrap(), tenfold(&[1, 2]));
        assert_eq!(rows(&data, &[1, 2]).await, Ok(tenfold(&[1, 2])));
        assert_eq!(data.bodies(), [vec![1, 2], vec![2]]);
    })
    .await;
}

#[cache_invalidate(entry = row(data, id), each(id in ids))]
async fn remove_all(data: &Rows, ids: &[u64]) -> Result<(), String> {
    if ids.contains(&99) {
        return Err("no row 99".into());
    }
    ids.iter().for_each(|id| data.remove(*id));
    Ok(())
}

#[cache_invalidate(prefix = "many:{id}", tags = ["even:{id}"], each(id in ids))]
async fn touch_all(ids: Vec<u64>) {
    drop(ids);
}

#[tokio::test]
async fn a_function_invalidates_the_entry_of_each_id() {
    on_each_store(async |_| {
        let data = Rows::new();
        rows(&data, &[1, 2, 3]).await.unwrap();
        assert!(remove_all(&data, &[1, 99]).await.is_err());
        remove_all(&data, &[1, 2]).await.unwrap();
        assert_eq!(rows(&data, &[1, 2, 3]).await, Ok(tenfold(&[3])));
        assert_eq!(data.bodies(), [vec![1, 2, 3], vec![1, 2]]);

        many(&data, &[3, 4, 5]).await;
        tagged(&data, &[3, 4, 5]).await;
        data.bodies();
        touch_all(vec![3, 5]).await;
        many(&data, &[3, 4, 5]).await;
        tagged(&data, &[3, 4, 5]).await;
        assert_eq!(data.bodies(), [[3, 5], [3, 5]]);
        remove_all(&data, &[]).await.unwrap();
        many(&data, &[3, 4, 5]).await;
        assert_eq!(data.bodies(), Vec::<Vec<u64>>::new(), "no ids invalidate nothing");
    })
    .await;
}
