//! Inner values that are not stored, or for a short time.

use std::time::Duration;

use cache_runtime::cached;

use super::{Data, MINUTE, follows, outer, plain};
use crate::stores::{Store, TestCache, in_time, on_each_store, on_stores};

#[cached(ttl = "10m", key = "{id}", tags = ["inners"], cache_if = |value: &u64| *value > 10)]
async fn picky(data: &Data, id: u64) -> u64 {
    _ = id;
    data.source.read().await
}

#[cached(ttl = "10m", key = "{id}", tags = ["inners"], cache_none = false)]
async fn optional(data: &Data, id: u64) -> Option<u64> {
    _ = id;
    Some(data.source.read().await).filter(|value| *value > 10)
}

#[cached(ttl = "10m", key = "{id}", tags = ["inners"], error_ttl = "5m", stale_if_error = "10m")]
async fn fallible(data: &Data, id: u64) -> Result<u64, String> {
    _ = id;
    let value = data.source.read().await;
    if value > 10 { Ok(value) } else { Err("too small".to_owned()) }
}

outer! {
    of_picky of picky [];
}

#[cached(ttl = "10m", key = "{id}", inherit)]
async fn of_optional(data: &Data, id: u64) -> u64 {
    data.bodies.hit();
    optional(data, id).await.unwrap_or(0)
}

#[cached(ttl = "10m", key = "{id}", inherit)]
async fn of_fallible(data: &Data, id: u64) -> u64 {
    data.bodies.hit();
    fallible(data, id).await.unwrap_or(0)
}

// The next call of the inner function may return another value, without an invalidation.
#[tokio::test]
async fn a_value_that_depends_on_one_that_is_not_stored_is_not_stored() {
    on_each_store(async |_| {
        let data = Data::new();
        assert_eq!([of_picky(&data, 1).await, of_picky(&data, 1).await], [1, 1]);
        assert_eq!([of_optional(&data, 1).await, of_optional(&data, 1).await], [0, 0]);
        assert_eq!(data.bodies(), 4);
        data.source.set(11);
        assert_eq!([of_picky(&data, 1).await, of_picky(&data, 1).await], [11, 11]);
        assert_eq!([of_optional(&data, 1).await, of_optional(&data, 1).await], [11, 11]);
        assert_eq!(data.bodies(), 6);
    })
    .await;
}

// The error is in the memory of one process, without the tokens of its tags.
#[tokio::test]
async fn an_invalidation_by_the_tag_of_a_remembered_error_reaches_the_outer_value() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        fallible(&data, 1).await.unwrap_err();
        assert_eq!([of_fallible(&data, 1).await, of_fallible(&data, 1).await], [0, 0]);
        data.source.set(11);
        cache.manager.invalidate_tag("inners").await.unwrap();
        assert_eq!([of_fallible(&data, 1).await, of_fallible(&data, 1).await], [11, 11]);
    })
    .await;
}

#[cached(ttl = "10m", key = "{id}", tags = ["inners"], negative_ttl = "1m")]
async fn absent(data: &Data, id: u64) -> Option<u64> {
    _ = id;
    Some(data.source.read().await).filter(|value| *value > 10)
}

#[cached(ttl = "10m", key = "{id}", inherit)]
async fn of_absent(data: &Data, id: u64) -> u64 {
    data.bodies.hit();
    absent(data, id).await.unwrap_or(0)
}

#[tokio::test]
async fn a_value_that_depends_on_a_none_ends_with_its_negative_ttl() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let data = Data::new();
        assert_eq!([of_absent(&data, 1).await, of_absent(&data, 1).await], [0, 0]);
        assert_eq!(data.bodies(), 1);
        data.source.set(11);
        cache.clock.advance(Duration::from_secs(61));
        assert_eq!([of_absent(&data, 1).await, of_absent(&data, 1).await], [11, 11]);
        cache.clock.advance(MINUTE * 9);
        assert_eq!([of_absent(&data, 1).await, data.bodies() as u64], [11, 2]);
    })
    .await;
}

#[cached(ttl = "10m", key = "{id}", bypass_if = id > 0)]
async fn bypassing(data: &Data, id: u64) -> u64 {
    plain(data, id).await
}

outer! {
    of_bypassing of bypassing [];
}

#[tokio::test]
async fn a_function_that_bypasses_the_cache_is_a_plain_function() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        let call = async || in_time(of_bypassing(&data, 1)).await;
        follows(&cache.manager, &data, "plain:1", call).await;
    })
    .await;
}
