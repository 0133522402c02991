//! Beside every other option, of the outer and of the inner function.

use cache_runtime::{CacheCall as _, cached};

use super::{Data, MINUTE, follows, inner, outer, plain};
use crate::stores::{Store, TestCache, in_time, on_each_store, on_own_servers, on_stores, until};

inner! {
    stale_inner [stale_while_revalidate = "10m"];
    early_inner [early_refresh = 1.0];
    detached_inner [detached = true];
    fleet_inner [coalesce = "fleet"];
    lone_inner [coalesce = "off"];
    tagged_inner [tags_of = |value: &u64| [format!("value:{value}")]];
}

outer! {
    stale_outer of plain [stale_while_revalidate = "10m"];
    early_outer of plain [early_refresh = 1.0];
    detached_outer of plain [detached = true];
    fleet_outer of plain [coalesce = "fleet"];
    lone_outer of plain [coalesce = "off"];
    tagged_outer of plain [tags = ["outers"], tags_of = |value: &u64| [format!("outer:{value}")]];
    of_stale of stale_inner [];
    of_early of early_inner [];
    of_detached of detached_inner [];
    of_fleet of fleet_inner [];
    of_lone of lone_inner [];
    of_tagged of tagged_inner [];
}

/// Does so for functions whose first argument is the data.
macro_rules! each_follows {
    ($cache:expr, $($outer:ident of $inner:literal),+ $(,)?) => {$({
        let data = Data::new();
        $cache.manager.flush_all().await;
        let call = async || in_time($outer(&data, 1)).await;
        follows(&$cache.manager, &data, concat!($inner, ":1"), call).await;
    })+};
}

#[tokio::test]
async fn an_outer_function_has_any_other_option() {
    on_each_store(async |cache: TestCache| {
        each_follows!(
            cache,
            stale_outer of "plain",
            early_outer of "plain",
            detached_outer of "plain",
            fleet_outer of "plain",
            lone_outer of "plain",
            tagged_outer of "plain",
        );
    })
    .await;
}

#[tokio::test]
async fn an_inner_function_has_any_other_option() {
    on_each_store(async |cache: TestCache| {
        each_follows!(
            cache,
            of_stale of "stale_inner",
            of_early of "early_inner",
            of_detached of "detached_inner",
            of_fleet of "fleet_inner",
            of_lone of "lone_inner",
            of_tagged of "tagged_inner",
        );
    })
    .await;
}

#[cached(ttl = "10m", key = "{id}", tags = ["inners"], stale_if_error = "10m", load_timeout = "1m")]
async fn patient_inner(data: &Data, id: u64) -> Result<u64, String> {
    _ = id;
    Ok(data.source.read().await)
}

#[cached(ttl = "10m", key = "{id}", inherit, stale_if_error = "10m", load_timeout = "1m")]
async fn patient_outer(data: &Data, id: u64) -> Result<u64, String> {
    data.bodies.hit();
    patient_inner(data, id).await
}

#[tokio::test]
async fn functions_with_a_load_timeout_inherit_from_each_other() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        let call = async || in_time(patient_outer(&data, 1)).await.unwrap();
        follows(&cache.manager, &data, "patient_inner:1", call).await;
        if cache.store == Store::Outage {
            return;
        }
        // The load runs in a task.
        data.source.set(6);
        cache.clock.advance(MINUTE * 11);
        assert_eq!([call().await, call().await], [6, 6]);
        cache.manager.flush_all().await;
        follows(&cache.manager, &data, "patient_inner:1", call).await;
    })
    .await;
}

#[tokio::test]
async fn derived_tags_are_inherited() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        assert_eq!([of_tagged(&data, 1).await, of_tagged(&data, 1).await], [1, 1]);
        data.source.set(2);
        cache.manager.invalidate_tag("value:2").await.unwrap();
        assert_eq!(of_tagged(&data, 1).await, 1, "the tag of another value");
        cache.manager.invalidate_tag("value:1").await.unwrap();
        assert_eq!([of_tagged(&data, 1).await, of_tagged(&data, 1).await], [2, 2]);
        assert_eq!(data.bodies(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_function_that_inherits_has_tags_of_its_own() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        assert_eq!([tagged_outer(&data, 1).await, plain(&data, 1).await], [1, 1]);
        for (turn, tag) in ["outers", "outer:1"].into_iter().enumerate() {
            cache.manager.invalidate_tag(tag).await.unwrap();
            assert_eq!([tagged_outer(&data, 1).await, plain(&data, 1).await], [1, 1]);
            assert_eq!(data.bodies(), turn + 2, "{tag}");
        }
        assert_eq!(data.source.reads(), 1, "the inner value stays");
    })
    .await;
}

// Its place is a task that ends after its caller, and it depends on the inner value of that time.
#[tokio::test]
async fn a_value_that_was_refreshed_in_the_background_inherits() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let data = Data::new();
        assert_eq!(stale_outer(&data, 1).await, 1);
        data.source.set(2);
        cache.clock.advance(MINUTE * 11);
        until(async || stale_outer(&data, 1).await == 2).await;
        assert_eq!((data.bodies(), data.source.reads()), (2, 2));
        data.source.set(3);
        cache.manager.invalidate_tag("inners").await.unwrap();
        assert_eq!([stale_outer(&data, 1).await, stale_outer(&data, 1).await], [3, 3]);
        assert_eq!(data.bodies(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_load_whose_caller_has_left_inherits() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let data = Data::new();
        let hold = data.source.hold();
        tokio::select! {
            biased;
            _ = detached_outer(&data, 1) => unreachable!("its body is held"),
            () = hold.reached() => {}
        }
        hold.release();
        until(async || {
            detached_outer(&data, 1).cache_entry().peek().await.is_ok_and(|found| found.is_some())
        })
        .await;
        assert_eq!([detached_outer(&data, 1).await, data.bodies() as u64], [1, 1]);
        data.source.set(2);
        cache.manager.invalidate_tag("inners").await.unwrap();
        assert_eq!(detached_outer(&data, 1).await, 2);
    })
    .await;
}

#[cached(ttl = "40d", key = "{id}")]
async fn lasting(data: &Data, id: u64) -> u64 {
    _ = id;
    data.source.read().await
}

#[cached(ttl = "30d", key = "{id}", inherit)]
async fn of_lasting(data: &Data, id: u64) -> u64 {
    lasting(data, id).await
}

#[cached(ttl = "30d", key = "{id}", inherit = "tags")]
async fn outliving(data: &Data, id: u64) -> u64 {
    plain(data, id).await
}

#[cached(ttl = "forever", key = "{id}", inherit = "tags")]
async fn endless(data: &Data, id: u64) -> u64 {
    plain(data, id).await
}

// Without its token, an entry is stale.
#[tokio::test]
async fn the_tokens_that_an_entry_inherits_outlive_it() {
    for name in ["of_lasting:1", "outliving:1", "endless:1"] {
        on_own_servers(
            |config| config,
            async |cache: TestCache| {
                let data = Data::new();
                match name {
                    "of_lasting:1" => of_lasting(&data, 1).await,
                    "outliving:1" => outliving(&data, 1).await,
                    _ => endless(&data, 1).await,
                };
                let life = |key: &str| -> i64 { cache.server().cli(&["PTTL", key]) };
                let of_entry = life(&cache.redis_key(name));
                let tokens: Vec<String> = cache.server().cli(&["KEYS", &cache.redis_key("#t:*")]);
                assert!(tokens.iter().any(|key| key.contains("#name")), "{tokens:?}");
                for key in tokens {
                    let of_token = life(&key);
                    assert!(
                        of_token == -1 || (of_entry != -1 && of_token > of_entry),
                        "{name} {of_entry}: {key} {of_token}"
                    );
                }
            },
        )
        .await;
    }
}

#[cached(ttl = "10m", key = "{id}", tier = "memory", inherit)]
async fn above_redis(data: &Data, id: u64) -> u64 {
    data.bodies.hit();
    plain(data, id).await
}

#[tokio::test]
async fn an_outer_value_in_memory_alone_inherits_from_redis() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        // The first call connects the feed, which makes earlier values in memory stale.
        above_redis(&data, 1).await;
        if cache.store.has_redis() {
            until(async || cache.manager.health().await.feed_lag.is_some()).await;
        }
        cache.manager.flush_all().await;
        follows(&cache.manager, &data, "plain:1", async || above_redis(&data, 1).await).await;
        assert_eq!(plain(&data, 1).await, 5);
        // It is read from Redis, and not loaded.
        cache.manager.delete("above_redis:1").await.unwrap();
        let before = data.bodies();
        assert_eq!([above_redis(&data, 1).await, above_redis(&data, 1).await], [5, 5]);
        assert_eq!(data.bodies() - before, 1);
        data.source.set(6);
        cache.manager.invalidate_tag("inners").await.unwrap();
        assert_eq!(above_redis(&data, 1).await, 6);
    })
    .await;
}

#[cached(ttl = "10m", key = "{id}", tags = ["inners"], tier = "memory", max_entries = 1)]
async fn evicted(data: &Data, id: u64) -> u64 {
    _ = id;
    data.source.read().await
}

#[cached(ttl = "10m", key = "{id}", tier = "memory", inherit)]
async fn of_evicted(data: &Data, id: u64) -> u64 {
    data.bodies.hit();
    evicted(data, id).await
}

#[tokio::test]
async fn an_inner_entry_that_memory_had_no_room_for_still_counts() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let data = Data::new();
        for (turn, way) in ["name", "tag", "prefix"].into_iter().enumerate() {
            let now = turn as u64 + 1;
            for id in 1..6 {
                assert_eq!(of_evicted(&data, id).await, now, "{way}");
            }
            let (reads, bodies) = (data.source.reads(), data.bodies());
            assert_eq!(of_evicted(&data, 1).await, now, "{way}");
            assert_eq!((data.source.reads(), data.bodies()), (reads, bodies), "it is kept");
            assert_eq!(cache.manager.clear("evicted:1").await.unwrap(), 0, "it was evicted");
            assert_eq!(of_evicted(&data, 1).await, now, "{way}");
            data.source.set(now + 1);
            match way {
                "name" => drop(cache.manager.delete("evicted:1").await.unwrap()),
                "tag" => cache.manager.invalidate_tag("inners").await.unwrap(),
                _ => cache.manager.invalidate_prefix("evicted").await.unwrap(),
            }
            assert_eq!(of_evicted(&data, 1).await, now + 1, "{way}");
            cache.manager.flush_all().await;
        }
    })
    .await;
}
