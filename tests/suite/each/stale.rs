//! Stale values in functions of many keys: while they are refreshed, and when a load fails.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cache_runtime::cached;

use super::data::{Rows, tenfold};
use crate::stores::{Store, TestCache, in_time, on_stores, until};

const AFTER_THE_TTL: Duration = Duration::from_secs(61);

#[cached(
    ttl = "1m",
    stale_while_revalidate = "1m",
    key_prefix = "each_swr",
    key = "{id}",
    each(id in ids)
)]
async fn revalidated(data: &Rows, ids: &[u64]) -> HashMap<u64, u64> {
    data.read(ids).await
}

/// The same for one id.
#[cached(ttl = "1m", stale_while_revalidate = "1m", key_prefix = "one_swr", key = "{id}")]
async fn one(data: &Rows, id: u64) -> Option<u64> {
    data.read(&[id]).await.remove(&id)
}

#[cached(entry = one(data, id), each(id in ids), background = true)]
async fn in_background(data: &Rows, ids: Vec<u64>) -> HashMap<u64, u64> {
    data.read(&ids).await
}

#[cached(entry = one(data, id), each(id in ids))]
async fn in_the_call(data: &Rows, ids: Vec<u64>) -> HashMap<u64, u64> {
    data.read(&ids).await
}

#[tokio::test]
async fn one_body_refreshes_all_stale_values_while_they_are_served() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let data = Rows::new();
        revalidated(&data, &[1, 2, 3]).await;
        cache.clock.advance(AFTER_THE_TTL);
        revalidated(&data, &[4]).await;
        data.set(2, 21);
        data.bodies();
        let hold = data.hold();
        let served = in_time(revalidated(&data, &[1, 2, 3, 4])).await;
        assert_eq!(served, tenfold(&[1, 2, 3, 4]));
        hold.reached().await;
        // Another caller does not refresh them again.
        assert_eq!(revalidated(&data, &[3, 2]).await, tenfold(&[2, 3]));
        hold.release();
        until(async || cache.manager.stats().background_loads == 0).await;
        assert_eq!(revalidated(&data, &[1, 2, 3]).await[&2], 21);
        assert_eq!(data.bodies(), [[1, 2, 3]]);
        let total = cache.manager.stats().total;
        assert_eq!((total.refreshes, total.stale_served), (3, 5));
    })
    .await;
}

#[tokio::test]
async fn stale_entries_of_another_function_are_refreshed_in_a_task_or_in_the_call() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let data = Rows::new();
        in_background(&data, vec![1, 2]).await;
        cache.clock.advance(AFTER_THE_TTL);
        data.set(1, 11);
        data.bodies();
        assert_eq!(in_background(&data, vec![1, 2]).await, tenfold(&[1, 2]));
        until(async || cache.manager.stats().background_loads == 0).await;
        assert_eq!(one(&data, 1).await, Some(11));
        assert_eq!(data.bodies(), [[1, 2]]);

        cache.clock.advance(AFTER_THE_TTL);
        data.set(1, 12);
        assert_eq!(in_the_call(&data, vec![1, 2]).await[&1], 12);
        assert_eq!(one(&data, 1).await, Some(12));
        assert_eq!(data.bodies(), [[1, 2]]);
    })
    .await;
}

#[tokio::test]
async fn a_stale_value_that_a_refresh_no_longer_finds_is_removed() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let data = Rows::new();
        revalidated(&data, &[1, 2]).await;
        cache.clock.advance(AFTER_THE_TTL);
        data.remove(1);
        assert_eq!(revalidated(&data, &[1, 2]).await, tenfold(&[1, 2]));
        until(async || cache.manager.stats().background_loads == 0).await;
        assert_eq!(revalidated(&data, &[1, 2]).await, tenfold(&[2]));
        assert_eq!(data.bodies(), [vec![1, 2], vec![1, 2], vec![1]]);
    })
    .await;
}

#[cached(
    ttl = "1m",
    stale_if_error = "10m",
    serve_stale_if = |error| error != "gone",
    key_prefix = "each_sie",
    key = "{id}",
    each(id in ids)
)]
async fn if_error(
    data: &Rows,
    fails: &Arc<AtomicBool>,
    ids: &[u64],
) -> Result<HashMap<u64, u64>, String> {
    let found = data.read(ids).await;
    match fails.load(Ordering::SeqCst) {
        true if ids.contains(&9) => Err("gone".into()),
        true => Err("no data".into()),
        false => Ok(found),
    }
}

#[tokio::test]
async fn stale_values_stand_in_if_there_is_one_for_each_id_of_the_body() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let (data, fails) = (Rows::new(), Arc::new(AtomicBool::new(false)));
        if_error(&data, &fails, &[1, 2, 9]).await.unwrap();
        cache.clock.advance(AFTER_THE_TTL);
        fails.store(true, Ordering::SeqCst);
        assert_eq!(if_error(&data, &fails, &[1, 2]).await, Ok(tenfold(&[1, 2])));
        assert_eq!(if_error(&data, &fails, &[3]).await, Err("no data".into()));
        assert_eq!(if_error(&data, &fails, &[9]).await, Err("gone".into()));
        assert_eq!(cache.manager.stats().total.stale_served, 2);
        fails.store(false, Ordering::SeqCst);
        // A pause follows a failure for which a value stands in.
        cache.clock.advance(Duration::from_secs(30));
        data.set(1, 11);
        assert_eq!(if_error(&data, &fails, &[1]).await.unwrap()[&1], 11);
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}
