//! `CacheManager::get_or_load_many`.

use std::collections::HashMap;
use std::time::Duration;

use super::data::{Rows, tenfold};
use crate::stores::{TestCache, in_time, on_each_store};

const MINUTE: Duration = Duration::from_secs(60);

async fn load(cache: &TestCache, data: &Rows, ids: &[u64]) -> Result<HashMap<String, u64>, String> {
    let names = ids.iter().map(|id| format!("direct:{id}"));
    let load = async |missing: Vec<String>| {
        let id = |name: &String| name["direct:".len()..].parse::<u64>().unwrap();
        let ids: Vec<u64> = missing.iter().map(id).collect();
        let found = data.read(&ids).await;
        if ids.contains(&99) {
            return Err("no row 99".to_owned());
        }
        Ok(found.into_iter().map(|(id, value)| (format!("direct:{id}"), value)).collect())
    };
    in_time(cache.manager.get_or_load_many(names, MINUTE, load)).await
}

fn named(ids: &[u64]) -> HashMap<String, u64> {
    tenfold(ids).into_iter().map(|(id, value)| (format!("direct:{id}"), value)).collect()
}

#[tokio::test]
async fn names_without_a_value_are_loaded_at_once() {
    on_each_store(async |cache: TestCache| {
        let data = Rows::new();
        cache.manager.set("direct:3", &30_u64, MINUTE).await.unwrap();
        assert_eq!(load(&cache, &data, &[1, 2, 3, 2]).await, Ok(named(&[1, 2, 3])));
        assert_eq!(load(&cache, &data, &[1, 50]).await, Ok(named(&[1])));
        assert_eq!(data.bodies(), [vec![1, 2], vec![50]]);
        cache.manager.delete("direct:1").await.unwrap();
        assert_eq!(load(&cache, &data, &[1, 2]).await, Ok(named(&[1, 2])));
        assert_eq!(data.bodies(), [[1]]);
        assert_eq!(load(&cache, &data, &[4, 99]).await, Err("no row 99".to_owned()));
        assert_eq!(load(&cache, &data, &[4]).await, Ok(named(&[4])));
        assert_eq!(data.bodies(), [vec![4, 99], vec![4]]);
        assert_eq!(cache.manager.get::<u64>("direct:4").await.unwrap(), Some(40));
    })
    .await;
}

#[tokio::test]
async fn a_name_that_is_not_valid_is_loaded_each_time() {
    on_each_store(async |cache: TestCache| {
        let load = async |names: Vec<String>| {
            Ok::<_, String>(names.into_iter().map(|name| (name.clone(), name.len())).collect())
        };
        for bodies in 1..=2 {
            let names = ["", "valid"];
            let found = cache.manager.get_or_load_many(names, MINUTE, load).await.unwrap();
            assert_eq!(found, HashMap::from([(String::new(), 0), ("valid".to_owned(), 5)]));
            let total = cache.manager.stats().total;
            assert_eq!((total.misses, total.loads), (1, 1), "after {bodies} bodies");
        }
    })
    .await;
}
