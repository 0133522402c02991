//! Every kind of function: not async, methods, traits, generic ones, and those of many keys.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cache_runtime::{CacheValue, cached};
use cache_tests::Counter;
use serde::Serialize;

use super::{Data, follows, plain};
use crate::stores::{Store, TestCache, on_each_store, on_stores, until};

/// The data of functions that are not async.
#[derive(Debug)]
struct Local {
    value: AtomicU64,
    inner: Counter,
    outer: Counter,
}

impl Local {
    fn new() -> Self {
        Local { value: AtomicU64::new(1), inner: Counter::new(), outer: Counter::new() }
    }

    fn bodies(&self) -> [usize; 2] {
        [self.inner.count(), self.outer.count()]
    }
}

#[cached(ttl = "1m", key = "{id}", tags = ["parts"])]
fn part(data: &Local, id: u64) -> u64 {
    data.inner.hit();
    data.value.load(Ordering::SeqCst) + id
}

#[cached(ttl = "10m", key = "{id}", inherit, entry_fn = whole_entry)]
fn whole(data: &Local, id: u64) -> u64 {
    data.outer.hit();
    part(data, id) + part(data, id + 1)
}

#[cached(ttl = "10m", key = "{n}", inherit)]
fn fibonacci(data: &Local, n: u64) -> u64 {
    data.outer.hit();
    if n < 2 { part(data, n) } else { fibonacci(data, n - 1) + fibonacci(data, n - 2) }
}

/// Waits for the feed that values in memory need: its connection makes earlier ones stale.
async fn until_fed(cache: &TestCache) {
    let data = Local::new();
    part(&data, 1000);
    if cache.store.has_redis() {
        until(async || cache.manager.health().await.feed_lag.is_some()).await;
    }
}

#[tokio::test]
async fn functions_that_are_not_async_inherit_from_each_other() {
    on_each_store(async |cache: TestCache| {
        until_fed(&cache).await;
        let data = Local::new();
        assert_eq!([whole(&data, 0), whole(&data, 0)], [3, 3]);
        assert_eq!(data.bodies(), [2, 1]);
        for (turn, name) in ["part:0", "part:1"].into_iter().enumerate() {
            cache.manager.delete(name).await.unwrap();
            assert_eq!([whole(&data, 0), whole(&data, 0)], [3, 3]);
            assert_eq!(data.bodies(), [3 + turn, 2 + turn], "{name}");
        }
        data.value.store(10, Ordering::SeqCst);
        cache.manager.invalidate_tag("parts").await.unwrap();
        assert_eq!([whole(&data, 0), whole(&data, 0)], [21, 21]);
        assert_eq!(data.bodies(), [6, 4]);
        assert!(whole_entry(&data, 0).put(5).is_err(), "no body has run");
        assert_eq!([whole(&data, 0), data.bodies()[1] as u64], [21, 5]);
    })
    .await;
}

#[tokio::test]
async fn the_ttl_of_a_function_that_is_not_async_is_limited_too() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let data = Local::new();
        whole(&data, 0);
        cache.clock.advance(Duration::from_secs(59));
        whole(&data, 0);
        assert_eq!(data.bodies(), [2, 1]);
        cache.clock.advance(Duration::from_secs(2));
        whole(&data, 0);
        assert_eq!(data.bodies(), [4, 2]);
    })
    .await;
}

#[tokio::test]
async fn a_recursion_that_is_not_async_inherits() {
    on_each_store(async |cache: TestCache| {
        until_fed(&cache).await;
        let data = Local::new();
        assert_eq!([fibonacci(&data, 20), fibonacci(&data, 20)], [17711, 17711]);
        assert_eq!(data.bodies(), [2, 21]);
        data.value.store(2, Ordering::SeqCst);
        cache.manager.delete("part:0").await.unwrap();
        cache.manager.delete("part:1").await.unwrap();
        assert_eq!(fibonacci(&data, 20), 17711 + 10946);
        assert_eq!(data.bodies(), [4, 42]);
    })
    .await;
}

/// An async function above one that is not. Redis has no token for the inner value.
#[cached(ttl = "10m", key = "{id}", tier = "memory", inherit)]
async fn above_sync(data: &Local, id: u64) -> u64 {
    data.outer.hit();
    part(data, id)
}

#[tokio::test]
async fn an_async_function_inherits_from_one_that_is_not() {
    on_each_store(async |cache: TestCache| {
        until_fed(&cache).await;
        let data = Local::new();
        assert_eq!([above_sync(&data, 1).await, above_sync(&data, 1).await], [2, 2]);
        assert_eq!(data.bodies(), [1, 1]);
        data.value.store(2, Ordering::SeqCst);
        cache.manager.invalidate_prefix("part").await.unwrap();
        assert_eq!([above_sync(&data, 1).await, above_sync(&data, 1).await], [3, 3]);
        assert_eq!(data.bodies(), [2, 2]);
    })
    .await;
}

struct Shop(Data);

impl Shop {
    #[cached(ttl = "10m", key = "{id}", tags = ["inners"], key_prefix = "price")]
    async fn price(&self, id: u64) -> u64 {
        _ = id;
        self.0.source.read().await
    }

    #[cached(ttl = "10m", skip(self), inherit)]
    async fn basket(&self, id: u64) -> u64 {
        self.0.bodies.hit();
        self.price(id).await
    }
}

#[async_trait]
trait Storage: Send + Sync {
    async fn find(&self, id: u64) -> u64;
    async fn total(&self, id: u64) -> u64;
}

#[async_trait]
impl Storage for Shop {
    #[cached(ttl = "10m", key = "{id}", tags = ["inners"], key_prefix = "found")]
    async fn find(&self, id: u64) -> u64 {
        _ = id;
        self.0.source.read().await
    }

    #[cached(ttl = "10m", key = "{id}", key_prefix = "total", inherit)]
    async fn total(&self, id: u64) -> u64 {
        self.0.bodies.hit();
        self.find(id).await
    }
}

#[tokio::test]
async fn methods_inherit() {
    on_each_store(async |cache: TestCache| {
        let shop = Shop(Data::new());
        follows(&cache.manager, &shop.0, "price:1", async || shop.basket(1).await).await;
    })
    .await;
}

#[tokio::test]
async fn methods_of_async_traits_inherit() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        let shop: Box<dyn Storage> = Box::new(Shop(data.clone()));
        follows(&cache.manager, &data, "found:1", async || shop.total(1).await).await;
    })
    .await;
}

#[cached(ttl = "10m", key = "{id}", tags = ["inners"], key_prefix = "generic")]
async fn generic<T: CacheValue + From<u8>>(data: &Data, id: u64) -> T {
    _ = id;
    T::from(u8::try_from(data.source.read().await).unwrap())
}

#[cached(ttl = "10m", skip(data), inherit)]
async fn of_generic<T: CacheValue + From<u8>, K: Serialize + Copy>(data: &Data, key: K) -> T {
    _ = key;
    data.bodies.hit();
    generic(data, 1).await
}

#[tokio::test]
async fn generic_functions_inherit() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        let call = async || u64::from(of_generic::<u32, _>(&data, "key").await);
        follows(&cache.manager, &data, "generic:1", call).await;
        cache.manager.flush_all().await;
        follows(&cache.manager, &data, "generic:1", async || of_generic::<u64, _>(&data, 7).await)
            .await;
    })
    .await;
}

#[cached(ttl = "10m", key = "{id}", key_prefix = "single", inherit)]
async fn single(data: &Data, id: u64) -> u64 {
    data.bodies.hit();
    id * 10 + plain(data, 1).await
}

// The entries, and with them `inherit`, are those of `single`.
#[cached(entry = single(data, id), each(id in ids))]
async fn several(data: &Data, ids: &[u64]) -> HashMap<u64, u64> {
    data.bodies.hit();
    let add = plain(data, 1).await;
    ids.iter().map(|id| (*id, id * 10 + add)).collect()
}

#[tokio::test]
async fn a_function_of_many_keys_inherits_for_the_entries_of_another() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        let of = |add: u64| HashMap::from([(1, 10 + add), (2, 20 + add)]);
        assert_eq!([several(&data, &[1, 2]).await, several(&data, &[2, 1]).await], [of(1), of(1)]);
        assert_eq!([single(&data, 1).await, single(&data, 2).await], [11, 21]);
        assert_eq!(data.bodies(), 1);
        data.source.set(2);
        cache.manager.invalidate_tag("inners").await.unwrap();
        assert_eq!(single(&data, 1).await, 12);
        assert_eq!([several(&data, &[1, 2]).await, several(&data, &[2, 1]).await], [of(2), of(2)]);
        assert_eq!(data.bodies(), 3, "the second one alone was loaded with others");
    })
    .await;
}

#[cached(ttl = "10m", key = "{id}", inherit)]
async fn of_several(data: &Data, id: u64) -> u64 {
    data.bodies.hit();
    several(data, &[id, id + 1]).await.values().sum()
}

#[tokio::test]
async fn dependencies_pass_through_functions_of_many_keys() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        assert_eq!([of_several(&data, 1).await, of_several(&data, 1).await], [32, 32]);
        assert_eq!(data.bodies(), 2);
        data.source.set(2);
        cache.manager.delete("plain:1").await.unwrap();
        assert_eq!([of_several(&data, 1).await, of_several(&data, 1).await], [34, 34]);
        assert_eq!(data.bodies(), 4);
        cache.manager.delete("single:2").await.unwrap();
        assert_eq!([of_several(&data, 1).await, of_several(&data, 1).await], [34, 34]);
        assert_eq!((data.bodies(), data.source.reads()), (6, 2));
    })
    .await;
}
