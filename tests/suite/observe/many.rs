//! Calls of many keys: one for each id.

use std::collections::HashMap;

use cache_runtime::{BypassReason, Source as From, cached, observe};

use super::{MINUTE, SECOND, item, stored, told};
use crate::each::data::{Rows, many, row, rows};
use crate::source::Source;
use crate::stores::{Store, TestCache, on_stores};

#[tokio::test]
async fn each_id_has_a_call_with_its_own_source() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let data = Rows::new();
        many(&data, &[2, 3]).await;
        cache.clock.advance(2 * SECOND);
        let (_, seen) = observe(many(&data, &[1, 2, 3, 4])).await;
        let found = stored(cache.store);
        let mut expected =
            [("many:2", found), ("many:3", found), ("many:1", From::Load), ("many:4", From::Load)];
        let mut all = told(&seen);
        // The stored values are found first; otherwise, there is no order.
        assert!(all[..2].iter().all(|(_, source)| *source == found), "{seen}");
        all.sort_unstable_by_key(|(name, _)| *name);
        expected.sort_unstable_by_key(|(name, _)| *name);
        assert_eq!(all, expected);
        assert!(seen.calls().iter().all(|call| call.remaining().is_some()), "{seen}");
        assert_eq!((seen.of("many").len(), seen.of("many:1").len()), (4, 1));

        let (_, seen) = observe(many(&data, &[1, 2])).await;
        assert_eq!(seen.count(found), 2);
    })
    .await;
}

#[tokio::test]
async fn an_id_without_a_value_is_a_load_that_stores_nothing() {
    on_stores(&Store::INTENDED, async |_: TestCache| {
        let data = Rows::new();
        let (_, seen) = observe(many(&data, &[1, 99])).await;
        assert_eq!(seen.count(From::Load), 2);
        assert!(seen.of("many:1").remaining().is_some(), "{seen}");
        assert_eq!(seen.of("many:99").remaining(), None);
    })
    .await;
}

#[tokio::test]
async fn shared_entries_are_those_of_the_function_of_one_id() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let data = Rows::new();
        row(&data, 1).await.unwrap();
        let (_, seen) = observe(rows(&data, &[1, 2, 99])).await;
        let function = format!("{}::data::row", "suite::each");
        assert!(seen.calls().iter().all(|call| call.function() == function), "{seen}");
        assert_eq!(told(&seen.of("row:1")), [("row:1", stored(cache.store))]);
        // That there is no row 99 is stored as well.
        assert_eq!(seen.count(From::Load), 2);
        assert!(seen.remaining().is_some(), "{seen}");
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "observed:each", key = "{id}", each(id in ids), bypass_if = id > 8)]
async fn calling(source: &Source, ids: &[u64]) -> Result<HashMap<u64, u64>, String> {
    let mut found = HashMap::new();
    for id in ids {
        found.insert(*id, item(source, *id, "red").await?);
    }
    Ok(found)
}

#[tokio::test]
async fn the_calls_of_a_body_of_many_keys_are_deeper_and_an_id_may_bypass_the_cache() {
    on_stores(&Store::INTENDED, async |_: TestCache| {
        let source = Source::new(1);
        let (_, seen) = observe(calling(&source, &[1, 9])).await;
        let items = seen.of("item");
        assert_eq!((items.len(), items.calls()[0].depth()), (2, 1));
        let each = seen.of("calling");
        assert_eq!((each.count(From::Load), each.count(From::Bypass)), (1, 1));
        let bypassed = each.calls().iter().find(|call| call.bypass().is_some()).unwrap();
        assert_eq!(bypassed.bypass(), Some(BypassReason::Condition));
        assert_eq!((bypassed.name(), bypassed.depth()), (None, 0));

        let (_, seen) = observe(calling(&source, &[9])).await;
        assert_eq!(seen.of("calling").count(From::Bypass), 1);
        assert_eq!(seen.of("item").calls()[0].depth(), 1);

        source.set(0);
        let (output, seen) = observe(calling(&source, &[7, 10])).await;
        assert_eq!(output, Err("no data".to_owned()));
        assert_eq!(seen.of("calling").calls().iter().filter(|call| call.is_error()).count(), 2);
    })
    .await;
}

#[tokio::test]
async fn ids_that_another_call_loads_are_shared() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let data = Rows::new();
        let hold = data.hold();
        let leader = {
            let data = data.clone();
            cache.spawn(async move { observe(many(&data, &[1, 99])).await.1 })
        };
        hold.reached().await;
        let both = async {
            tokio::join!(many(&data, &[1, 99]), async {
                tokio::task::yield_now().await;
                hold.release();
            })
        };
        let (_, seen) = observe(both).await;
        assert_eq!(leader.await.unwrap().count(From::Load), 2);
        assert!(seen.count(From::Shared) >= 1, "{seen}");
        assert_eq!(seen.len(), 2, "{seen}");
    })
    .await;
}

#[tokio::test]
async fn many_direct_names_are_told_one_by_one() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        cache.manager.set("direct:1", &1_u64, MINUTE).await.unwrap();
        let load = async |names: Vec<String>| {
            Ok::<_, ()>(names.into_iter().map(|name| (name, 2_u64)).collect::<HashMap<_, _>>())
        };
        let names = ["direct:1", "direct:2"];
        let (_, seen) = observe(cache.manager.get_or_load_many(names, MINUTE, load)).await;
        assert_eq!(told(&seen), [("direct:1", stored(cache.store)), ("direct:2", From::Load)]);
    })
    .await;
}
