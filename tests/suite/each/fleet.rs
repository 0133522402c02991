//! Functions of many keys with `coalesce = "fleet"`: one load in all processes.

use std::collections::{BTreeMap, HashMap};

use cache_runtime::cached;

use super::data::{Rows, tenfold};
use crate::stores::{Store, TestCache, in_time, on_stores, spawn_with};

#[cached(ttl = "1m", key_prefix = "each_fleet", key = "{id}", each(id in ids), coalesce = "fleet")]
async fn fleet(data: &Rows, ids: &[u64]) -> HashMap<u64, u64> {
    data.read(ids).await
}

async fn called(data: Rows, ids: Vec<u64>) -> HashMap<u64, u64> {
    fleet(&data, &ids).await
}

#[tokio::test]
async fn an_id_that_another_process_loads_is_waited_for_after_the_own_body() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let data = Rows::new();
        let other = cache.peer().await;
        let hold = data.hold();
        let first = cache.spawn(called(data.clone(), vec![1, 2]));
        hold.reached().await;
        let held = data.hold();
        let second = spawn_with(&other, called(data.clone(), vec![2, 3, 1]));
        held.reached().await;
        held.release();
        hold.release();
        assert_eq!(in_time(first).await.unwrap(), tenfold(&[1, 2]));
        assert_eq!(in_time(second).await.unwrap(), tenfold(&[1, 2, 3]));
        assert_eq!(data.bodies(), [vec![1, 2], vec![3]]);
    })
    .await;
}

#[tokio::test]
async fn processes_that_ask_in_opposite_orders_load_each_id_once() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let data = Rows::new();
        let other = cache.peer().await;
        let calls: Vec<_> = (0..10)
            .map(|call| {
                let ids: Vec<u64> = if call % 2 == 0 { vec![1, 2, 3] } else { vec![3, 2, 1] };
                let manager = if call % 3 == 0 { &other } else { &cache.manager };
                spawn_with(manager, called(data.clone(), ids))
            })
            .collect();
        for call in calls {
            assert_eq!(in_time(call).await.unwrap(), tenfold(&[1, 2, 3]));
        }
        assert_eq!(data.reads(), BTreeMap::from([(1, 1), (2, 1), (3, 1)]));
    })
    .await;
}

#[tokio::test]
async fn another_process_takes_over_from_one_that_gives_up() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let data = Rows::new();
        let other = cache.peer().await;
        let hold = data.hold();
        let first = cache.spawn(called(data.clone(), vec![1, 2]));
        hold.reached().await;
        let second = spawn_with(&other, called(data.clone(), vec![2, 1]));
        first.abort();
        assert_eq!(in_time(second).await.unwrap(), tenfold(&[1, 2]));
    })
    .await;
}
