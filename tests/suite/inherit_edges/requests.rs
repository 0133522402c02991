//! Calls of the function itself, and requests to the entries of inner calls.

use cache_runtime::{CacheCall as _, cache_invalidate, cache_put, cached};

use super::{Data, follows, plain};
use crate::stores::{TestCache, in_time, on_each_store};

/// Calls itself, until it calls the inner function.
#[cached(ttl = "10m", key = "{level}", inherit)]
async fn level(data: &Data, level: u64) -> u64 {
    data.bodies.hit();
    match level {
        0 => plain(data, 1).await,
        _ => Box::pin(self::level(data, level - 1)).await,
    }
}

#[tokio::test]
async fn each_level_of_a_recursion_inherits() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        assert_eq!([level(&data, 3).await, level(&data, 3).await], [1, 1]);
        assert_eq!((data.bodies(), data.source.reads()), (4, 1));
        data.source.set(2);
        cache.manager.delete("plain:1").await.unwrap();
        assert_eq!([level(&data, 3).await, level(&data, 3).await], [2, 2]);
        assert_eq!((data.bodies(), data.source.reads()), (8, 2));
        cache.manager.delete("level:1").await.unwrap();
        assert_eq!([level(&data, 3).await, level(&data, 0).await], [2, 2]);
        assert_eq!((data.bodies(), data.source.reads()), (11, 2), "only what is above");
    })
    .await;
}

#[cached(ttl = "10m", key = "{id}", inherit)]
async fn own_arguments(data: &Data, id: u64, again: bool) -> u64 {
    data.bodies.hit();
    match again {
        true => Box::pin(own_arguments(data, id, false)).await,
        false => plain(data, id).await,
    }
}

#[tokio::test]
async fn a_body_that_makes_its_own_call_inherits_through_it() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        for now in 1..4 {
            let call = async || in_time(own_arguments(&data, 1, true)).await;
            assert_eq!([call().await, call().await], [now, now]);
            assert_eq!(data.bodies() as u64, now * 2);
            data.source.set(now + 1);
            cache.manager.invalidate_tag("inners").await.unwrap();
        }
    })
    .await;
}

/// A request to the inner call.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Fetch,
    Bypass,
    Peek,
    OnlyIfCached,
    Refresh,
    Put,
}

#[cached(ttl = "10m", skip(data, ask), inherit)]
async fn asking(data: &Data, ask: Ask) -> u64 {
    data.bodies.hit();
    let entry = plain(data, 1).cache_entry();
    match ask {
        Ask::Fetch => entry.fetch().await.unwrap().value,
        Ask::Bypass => entry.bypass().await.unwrap(),
        Ask::Peek => entry.peek().await.unwrap().unwrap_or(0),
        Ask::OnlyIfCached => entry.only_if_cached().fetch().await.map_or(0, |found| found.value),
        Ask::Refresh => entry.refresh().await.unwrap(),
        Ask::Put => {
            entry.put(1).await.unwrap();
            plain(data, 1).await
        }
    }
}

#[tokio::test]
async fn the_output_of_a_fetch_is_inherited() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        let call = async || in_time(asking(&data, Ask::Fetch)).await;
        follows(&cache.manager, &data, "plain:1", call).await;
    })
    .await;
}

// The dependencies of such a value are not known.
#[tokio::test]
async fn a_value_that_depends_on_another_request_is_not_stored() {
    on_each_store(async |cache: TestCache| {
        for ask in [Ask::Peek, Ask::OnlyIfCached, Ask::Refresh, Ask::Put] {
            let data = Data::new();
            cache.manager.flush_all().await;
            plain(&data, 1).await;
            assert_eq!([asking(&data, ask).await, asking(&data, ask).await], [1, 1], "{ask:?}");
            assert_eq!(data.bodies(), 2, "{ask:?}");
        }
    })
    .await;
}

// As a call of a function without the attribute.
#[tokio::test]
async fn a_bypass_is_a_part_of_the_body() {
    on_each_store(async |_| {
        let data = Data::new();
        assert_eq!([asking(&data, Ask::Bypass).await, asking(&data, Ask::Bypass).await], [1, 1]);
        assert_eq!((data.bodies(), data.source.reads()), (1, 1));
    })
    .await;
}

#[cached(ttl = "10m", key = "{id}", inherit)]
async fn page(data: &Data, id: u64) -> u64 {
    data.bodies.hit();
    plain(data, id).await
}

#[cache_put(entry = page(data, id))]
async fn write_page(data: &Data, id: u64) -> u64 {
    _ = (data, id);
    99
}

#[cache_invalidate(entry = page(data, id))]
async fn remove_page(data: &Data, id: u64) {
    _ = (data, id);
}

#[tokio::test]
async fn the_outer_entry_is_removed_and_not_put() {
    on_each_store(async |_| {
        let data = Data::new();
        assert_eq!(page(&data, 1).await, 1);
        assert_eq!(write_page(&data, 1).await, 99);
        assert_eq!([page(&data, 1).await, page(&data, 1).await], [1, 1]);
        assert_eq!(data.bodies(), 2, "the entry was removed");
        remove_page(&data, 1).await;
        assert_eq!([page(&data, 1).await, page(&data, 1).await], [1, 1]);
        assert_eq!((data.bodies(), data.source.reads()), (3, 1));
    })
    .await;
}

#[tokio::test]
async fn a_refresh_of_the_outer_entry_inherits() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        assert_eq!(page(&data, 1).await, 1);
        assert_eq!(page(&data, 1).cache_entry().refresh().await.unwrap(), 1);
        assert_eq!((page(&data, 1).await, data.bodies()), (1, 2));
        data.source.set(2);
        cache.manager.invalidate_tag("inners").await.unwrap();
        assert_eq!((page(&data, 1).await, data.bodies()), (2, 3));
    })
    .await;
}

#[cached(ttl = "10m", key = "{id}", inherit)]
async fn changing(data: &Data, id: u64) -> u64 {
    data.bodies.hit();
    plain(data, id).cache_entry().invalidate().await.unwrap();
    plain(data, id).await
}

#[tokio::test]
async fn a_body_that_removes_an_inner_entry_before_it_reads_it_is_stored() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        follows(&cache.manager, &data, "plain:1", async || changing(&data, 1).await).await;
    })
    .await;
}

// Of any other pattern, nobody knows the names that it would have matched.
#[tokio::test]
async fn a_clear_of_a_whole_prefix_reaches_only_what_depends_on_it() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        assert_eq!([page(&data, 1).await, page(&data, 1).await], [1, 1]);
        for (bodies, pattern) in [(1, "other:*"), (2, "plain:*"), (3, "oth?r:*")] {
            cache.manager.clear(pattern).await.unwrap();
            assert_eq!([page(&data, 1).await, page(&data, 1).await], [1, 1], "{pattern}");
            assert_eq!(data.bodies(), bodies, "{pattern}");
        }
        assert_eq!(data.source.reads(), 2, "no pattern but one matches the inner name");
    })
    .await;
}
