//! The answers of functions of many keys: by id, in every form.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use cache_runtime::cached;

use super::data::{Rows, many, row, rows, tenfold};
use crate::stores::{Store, on_each_store, on_stores};

#[tokio::test]
async fn the_body_gets_the_ids_that_are_missing() {
    on_each_store(async |_| {
        let data = Rows::new();
        assert_eq!(many(&data, &[1, 2, 3]).await, tenfold(&[1, 2, 3]));
        assert_eq!(data.bodies(), [[1, 2, 3]]);
        assert_eq!(many(&data, &[3, 4, 1, 5]).await, tenfold(&[1, 3, 4, 5]));
        assert_eq!(data.bodies(), [[4, 5]]);
        assert_eq!(many(&data, &[5, 4, 3, 2, 1]).await, tenfold(&[1, 2, 3, 4, 5]));
        assert_eq!(data.bodies(), Vec::<Vec<u64>>::new());
    })
    .await;
}

#[tokio::test]
async fn equal_ids_are_loaded_once_and_no_ids_run_no_body() {
    on_each_store(async |_| {
        let data = Rows::new();
        assert_eq!(many(&data, &[]).await, HashMap::new());
        assert_eq!(data.bodies(), Vec::<Vec<u64>>::new());
        assert_eq!(many(&data, &[7, 7, 8, 7]).await, tenfold(&[7, 8]));
        assert_eq!(data.bodies(), [[7, 8]]);
        assert_eq!(many(&data, &[8, 8]).await, tenfold(&[8]));
        assert_eq!(data.bodies(), Vec::<Vec<u64>>::new());
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "in_order", key = "{id}", each(id in ids))]
async fn in_order(data: &Rows, ids: Vec<u64>) -> Vec<Option<u64>> {
    let found = data.read(&ids).await;
    ids.iter().map(|id| found.get(id).copied()).collect()
}

#[cached(ttl = "1m", key_prefix = "all_there", key = "{id}", each(id in ids))]
async fn all_there(data: &Rows, ids: &Vec<u64>) -> Result<Vec<u64>, String> {
    let found = data.read(ids).await;
    ids.iter().map(|id| found.get(id).copied().ok_or_else(|| format!("no row {id}"))).collect()
}

#[tokio::test]
async fn a_list_is_in_the_order_of_the_ids() {
    on_each_store(async |_| {
        let data = Rows::new();
        let [two, three, five] = [20, 30, 50].map(Some);
        assert_eq!(in_order(&data, vec![3, 99, 2]).await, [three, None, two]);
        assert_eq!(data.bodies(), [[3, 99, 2]]);
        // That there is no row 99 is an answer, too.
        assert_eq!(in_order(&data, vec![99, 5, 2, 5, 3]).await, [None, five, two, five, three]);
        assert_eq!(data.bodies(), [[5]]);

        assert_eq!(all_there(&data, &vec![3, 2]).await, Ok(vec![30, 20]));
        assert_eq!(all_there(&data, &vec![2, 4, 2, 3]).await, Ok(vec![20, 40, 20, 30]));
        assert_eq!(data.bodies(), [vec![3, 2], vec![4]]);
        assert_eq!(all_there(&data, &vec![2, 99]).await, Err("no row 99".to_owned()));
        assert_eq!(all_there(&data, &vec![2]).await, Ok(vec![20]));
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "set", key = "{id}", each(id in ids))]
async fn of_a_set(data: &Rows, ids: HashSet<u64>) -> BTreeMap<u64, u64> {
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.sort_unstable();
    data.read(&ids).await.into_iter().collect()
}

#[cached(ttl = "1m", key_prefix = "sorted", key = "{id}", each(id in ids))]
async fn of_a_sorted_set(data: &Rows, ids: &BTreeSet<u64>) -> Result<BTreeMap<u64, u64>, String> {
    let ids: Vec<_> = ids.iter().copied().collect();
    Ok(data.read(&ids).await.into_iter().collect())
}

#[tokio::test]
async fn sets_are_lists_of_ids_and_maps_may_be_sorted() {
    on_each_store(async |_| {
        let data = Rows::new();
        let sorted = |ids: &[u64]| tenfold(ids).into_iter().collect::<BTreeMap<_, _>>();
        assert_eq!(of_a_set(&data, HashSet::from([1, 2])).await, sorted(&[1, 2]));
        assert_eq!(of_a_set(&data, HashSet::from([1, 2, 3])).await, sorted(&[1, 2, 3]));
        assert_eq!(data.bodies(), [vec![1, 2], vec![3]]);
        let ids = BTreeSet::from([4, 5]);
        assert_eq!(of_a_sorted_set(&data, &ids).await, Ok(sorted(&[4, 5])));
        let ids = BTreeSet::from([4, 5, 6]);
        assert_eq!(of_a_sorted_set(&data, &ids).await, Ok(sorted(&[4, 5, 6])));
        assert_eq!(data.bodies(), [vec![4, 5], vec![6]]);
    })
    .await;
}

#[tokio::test]
async fn an_absent_id_is_left_out_and_stored_only_where_the_entry_is_an_option() {
    on_each_store(async |_| {
        let data = Rows::new();
        for _ in 0..2 {
            assert_eq!(many(&data, &[1, 99]).await, tenfold(&[1]));
        }
        assert_eq!(data.bodies(), [vec![1, 99], vec![99]]);
        for _ in 0..2 {
            assert_eq!(rows(&data, &[1, 99]).await, Ok(tenfold(&[1])));
        }
        assert_eq!(data.bodies(), [[1, 99]]);
    })
    .await;
}

#[cached(ttl = "1h", negative_ttl = "1m", key_prefix = "negative", key = "{id}", each(id in ids))]
async fn negative(data: &Rows, ids: &[u64]) -> HashMap<u64, u64> {
    data.read(ids).await
}

#[cached(ttl = "1h", cache_none = false, key_prefix = "no_none", key = "{id}", each(id in ids))]
async fn without_none(data: &Rows, ids: &[u64]) -> Vec<Option<u64>> {
    let found = data.read(ids).await;
    ids.iter().map(|id| found.get(id).copied()).collect()
}

#[tokio::test]
async fn the_options_about_none_are_about_absent_ids() {
    on_stores(&Store::INTENDED, async |cache| {
        let data = Rows::new();
        for _ in 0..2 {
            assert_eq!(negative(&data, &[1, 99]).await, tenfold(&[1]));
        }
        assert_eq!(data.bodies(), [[1, 99]]);
        data.set(99, 990);
        cache.clock.advance(std::time::Duration::from_secs(61));
        assert_eq!(negative(&data, &[1, 99]).await, tenfold(&[1, 99]));
        assert_eq!(data.bodies(), [[99]]);

        for _ in 0..2 {
            assert_eq!(without_none(&data, &[1, 98]).await, [Some(10), None]);
        }
        assert_eq!(data.bodies(), [vec![1, 98], vec![98]]);
    })
    .await;
}

#[tokio::test]
async fn the_entries_are_those_of_the_function_of_one_id() {
    on_each_store(async |_| {
        let data = Rows::new();
        assert_eq!(row(&data, 1).await, Ok(Some(10)));
        assert_eq!(rows(&data, &[1, 2]).await, Ok(tenfold(&[1, 2])));
        assert_eq!(row(&data, 2).await, Ok(Some(20)));
        assert_eq!(rows(&data, &[99]).await, Ok(HashMap::new()));
        assert_eq!(row(&data, 99).await, Ok(None));
        assert_eq!(data.bodies(), [[1], [2], [99]]);
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "titles", each(id in ids))]
async fn titles(ids: Vec<String>, lang: &str) -> HashMap<String, String> {
    ids.into_iter().map(|id| (id.clone(), format!("{lang}: {id}"))).collect()
}

#[tokio::test]
async fn without_a_key_the_other_arguments_are_a_part_of_it() {
    on_each_store(async |cache| {
        let ids = || vec!["a".to_owned(), "b".to_owned()];
        let title = |lang: &str| {
            let title = |id: String| (id.clone(), format!("{lang}: {id}"));
            ids().into_iter().map(title).collect::<HashMap<_, _>>()
        };
        assert_eq!(titles(ids(), "en").await, title("en"));
        assert_eq!(titles(ids(), "de").await, title("de"));
        assert_eq!(titles(ids(), "en").await, title("en"));
        let total = cache.manager.stats().total;
        assert_eq!((total.hits(), total.misses), (2, 4));
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "parts", key = "{id}", each(id in ids), max_batch = 2)]
async fn in_parts(data: &Rows, ids: &[u64]) -> Result<HashMap<u64, u64>, String> {
    let found = data.read(ids).await;
    if found.len() == ids.len() { Ok(found) } else { Err("a row is missing".into()) }
}

#[tokio::test]
async fn a_body_loads_no_more_ids_than_it_may() {
    on_each_store(async |_| {
        let data = Rows::new();
        assert_eq!(in_parts(&data, &[1, 2, 3, 4, 5]).await, Ok(tenfold(&[1, 2, 3, 4, 5])));
        assert_eq!(data.bodies(), [vec![1, 2], vec![3, 4], vec![5]]);
        // The parts before the one that fails are stored.
        assert_eq!(in_parts(&data, &[6, 7, 99, 8]).await, Err("a row is missing".into()));
        assert_eq!(in_parts(&data, &[6, 7, 8]).await, Ok(tenfold(&[6, 7, 8])));
        assert_eq!(data.bodies(), [vec![6, 7], vec![99, 8], vec![8]]);
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "wrong", key = "{id}", each(id in ids))]
async fn wrong_length(data: &Rows, ids: &[u64]) -> Vec<u64> {
    // An unwary body leaves out the rows that are not there.
    let found = data.read(ids).await;
    ids.iter().filter_map(|id| found.get(id).copied()).collect()
}

// R3: the caller gets what it would get without the cache. R5: no value is stored under another id.
#[tokio::test]
async fn a_list_of_the_wrong_length_is_returned_as_it_is_and_not_stored() {
    on_each_store(async |cache| {
        let data = Rows::new();
        assert_eq!(wrong_length(&data, &[1]).await, [10]);
        assert_eq!(data.bodies(), [[1]]);
        assert_eq!(wrong_length(&data, &[1, 99, 3]).await, [10, 30]);
        assert_eq!(data.bodies(), [vec![99, 3], vec![1, 99, 3]]);
        assert_eq!(wrong_length(&data, &[3]).await, [30]);
        assert_eq!(data.bodies(), [[3]], "it was not stored");
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "bypass", key = "{id}", each(id in ids), bypass_if = id > 5)]
async fn bypassed(data: &Rows, ids: &[u64]) -> HashMap<u64, u64> {
    data.read(ids).await
}

#[tokio::test]
async fn an_id_that_bypasses_the_cache_is_loaded_with_those_that_are_missing() {
    on_each_store(async |_| {
        let data = Rows::new();
        for _ in 0..2 {
            assert_eq!(bypassed(&data, &[1, 6, 2, 7]).await, tenfold(&[1, 2, 6, 7]));
        }
        assert_eq!(data.bodies(), [vec![1, 6, 2, 7], vec![6, 7]]);
        assert_eq!(bypassed(&data, &[6, 6, 7]).await, tenfold(&[6, 7]));
        assert_eq!(data.bodies(), [[6, 6, 7]], "as without the attribute");
    })
    .await;
}
