//! `within = tx`.

use std::cell::Cell;

use cache_runtime::{
    CacheCall as _, InvalidationQueue, Within, cache_invalidate, cache_put, cached, deferred,
};

use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores};

/// A transaction of a driver that the cache does not know.
struct Transaction {
    queue: InvalidationQueue,
    source: Source,
    plain: Cell<u64>,
}

impl Within for Transaction {
    fn invalidations(&self) -> &InvalidationQueue {
        &self.queue
    }
}

fn begin(source: &Source) -> Transaction {
    Transaction { queue: InvalidationQueue::new(), source: source.clone(), plain: Cell::new(1) }
}

#[cached(ttl = 60, key_prefix = "within:item", key = "{id}")]
async fn item(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cached(ttl = 60, key_prefix = "within:item", key = "{id}", within = tx)]
async fn item_in(tx: &mut Transaction, id: u64) -> u64 {
    _ = id;
    tx.source.read().await
}

// `tx` is no part of the key.
#[cached(ttl = 60, key_prefix = "within:arguments", within = tx)]
async fn of_arguments(tx: &mut Transaction, id: u64) -> u64 {
    _ = id;
    tx.source.read().await
}

#[cached(ttl = 60, key_prefix = "within:many", key = "{id}", each(id in ids), within = tx)]
async fn many_in(tx: &mut Transaction, ids: &[u64]) -> Vec<u64> {
    let value = tx.source.read().await;
    ids.iter().map(|_| value).collect()
}

#[cached(within = tx, each(id in ids), entry = item_in(tx, id))]
async fn items_in(tx: &mut Transaction, ids: &[u64]) -> Vec<u64> {
    let value = tx.source.read().await;
    ids.iter().map(|_| value).collect()
}

#[cache_invalidate(prefix = "within", within = tx)]
async fn change(tx: &mut Transaction, value: u64) -> Result<u64, u64> {
    tx.source.set(value);
    // It is in the scope of the transaction.
    Ok(item_in(tx, 1).await)
}

#[cache_put(entry = item(&tx.source, id), within = tx)]
async fn put_in(tx: &mut Transaction, id: u64, value: u64) -> u64 {
    _ = id;
    tx.source.set(value);
    value
}

#[cached(ttl = 60, key_prefix = "within:plain", within = tx)]
fn plain_in(tx: &Transaction, id: u64) -> u64 {
    _ = id;
    tx.plain.get()
}

#[cached(ttl = 60, key_prefix = "within:entry", entry_fn = entry_of, within = tx)]
fn with_entry(tx: &Transaction, id: u64) -> u64 {
    _ = id;
    tx.plain.get()
}

#[cache_invalidate(prefix = "within", within = tx)]
fn change_plain(tx: &Transaction, value: u64) {
    tx.plain.set(value);
    assert_eq!((plain_in(tx, 1), with_entry(tx, 1)), (value, value));
}

/// It has no `within`, and what it calls has.
#[cached(ttl = 60, key_prefix = "within:around", key = "{id}")]
async fn around(tx: &mut Transaction, id: u64) -> u64 {
    item_in(tx, id).await
}

#[cached(ttl = 60, key_prefix = "within:around-many", key = "{id}", each(id in ids))]
async fn around_many(tx: &mut Transaction, ids: &[u64]) -> Vec<u64> {
    let value = item_in(tx, 1).await;
    ids.iter().map(|_| value).collect()
}

/// Large inside, and small if it is put into others.
#[cached(ttl = 60, key_prefix = "within:large", key = "{id}", within = tx)]
async fn large(tx: &Transaction, id: u64) -> u64 {
    _ = id;
    let many = [id; 1000];
    tx.source.read().await + many.iter().sum::<u64>()
}

struct Shop;

#[async_trait::async_trait]
trait Change {
    async fn change(&self, tx: &mut Transaction, value: u64) -> u64;
}

#[async_trait::async_trait]
impl Change for Shop {
    #[cache_invalidate(prefix = "within:item", within = tx)]
    async fn change(&self, tx: &mut Transaction, value: u64) -> u64 {
        tx.source.set(value);
        item_in(tx, 1).await
    }
}

#[tokio::test]
async fn a_function_is_in_the_scope_of_the_transaction_that_it_names() {
    on_each_store(async |_| {
        let source = Source::new(1);
        assert_eq!(item(&source, 1).await, 1);
        let mut tx = begin(&source);
        assert_eq!(change(&mut tx, 2).await, Ok(2));
        assert_eq!(item(&source, 1).await, 1, "a call that does not name it sees no change");
        assert_eq!(item_in(&mut tx, 1).await, 2);
        assert_eq!(of_arguments(&mut tx, 1).await, 2);
        assert_eq!(many_in(&mut tx, &[1, 2]).await, [2, 2]);
        assert_eq!(items_in(&mut tx, &[1, 2]).await, [2, 2]);
        tx.queue.take().apply().await;
        assert_eq!(item(&source, 1).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_put_in_a_transaction_removes_the_entry_after_the_commit() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        item(&source, 1).await;
        let mut tx = begin(&source);
        assert_eq!(put_in(&mut tx, 1, 2).await, 2);
        assert_eq!((item(&source, 1).await, item_in(&mut tx, 1).await), (1, 2));
        let stores = cache.manager.stats().total.stores;
        tx.queue.take().apply().await;
        assert_eq!(cache.manager.stats().total.stores, stores, "its value is not stored");
        source.set(3);
        assert_eq!(item(&source, 1).await, 3);
    })
    .await;
}

#[tokio::test]
async fn functions_that_are_not_async_take_a_transaction() {
    on_stores(&[Store::Memory], async |_| {
        let tx = begin(&Source::new(1));
        assert_eq!((plain_in(&tx, 1), with_entry(&tx, 1)), (1, 1));
        change_plain(&tx, 2);
        assert_eq!((plain_in(&tx, 1), with_entry(&tx, 1)), (2, 2));
        tx.queue.take().discard();
        assert_eq!((plain_in(&tx, 1), with_entry(&tx, 1)), (1, 1), "nothing was stored");
        entry_of(&tx, 1).invalidate().unwrap();
        assert!(!tx.queue.is_empty(), "it waits for the commit");
        tx.queue.take().discard();
    })
    .await;
}

#[tokio::test]
async fn a_method_of_a_trait_takes_a_transaction() {
    on_stores(&[Store::Memory], async |_| {
        let source = Source::new(1);
        item(&source, 1).await;
        let mut tx = begin(&source);
        assert_eq!(Shop.change(&mut tx, 2).await, 2);
        assert_eq!((item(&source, 1).await, tx.queue.is_empty()), (1, false));
        tx.queue.take().apply().await;
        assert_eq!(item(&source, 1).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_load_around_calls_in_a_transaction_that_has_written_is_not_stored() {
    on_each_store(async |_| {
        let source = Source::new(1);
        let mut tx = begin(&source);
        change(&mut tx, 2).await.unwrap();
        assert_eq!((around(&mut tx, 1).await, around_many(&mut tx, &[1]).await), (2, vec![2]));
        tx.queue.take().discard();
        source.set(1);
        let mut tx = begin(&source);
        assert_eq!((around(&mut tx, 1).await, around_many(&mut tx, &[1]).await), (1, vec![1]));
        let reads = source.reads();
        around(&mut tx, 1).await;
        assert_eq!(source.reads(), reads, "before it has written, it is stored");
    })
    .await;
}

#[tokio::test]
async fn the_entry_of_a_call_in_a_transaction_is_that_of_the_function() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let mut tx = begin(&source);
        item_in(&mut tx, 1).await;
        many_in(&mut tx, &[1]).await;
        let reads = source.reads();
        let peeked = item_in(&mut tx, 1).cache_entry().peek().await;
        assert_eq!(peeked.unwrap(), Some(1));
        assert_eq!(items_in(&mut tx, &[1]).await, [1], "its entry is that of `item_in`");
        assert_eq!(source.reads(), reads);
        item_in(&mut tx, 1).cache_entry().invalidate().await.unwrap();
        assert!(!tx.queue.is_empty());
        source.set(2);
        assert_eq!(item_in(&mut tx, 1).cache_entry().peek().await.unwrap(), None);
        assert_eq!(cache.manager.stats().invalidations, 0, "it is invalidated after the commit");
        tx.queue.take().apply().await;
        assert_eq!(cache.manager.stats().invalidations, 1);
        assert_eq!(item_in(&mut tx, 1).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_future_contains_its_body_once() {
    let tx = begin(&Source::new(1));
    let size = size_of_val(&large(&tx, 1));
    assert!(size < 2 * size_of::<[u64; 1000]>(), "{size}");
    let size = size_of_val(&deferred(large(&tx, 1)));
    assert!(size < size_of::<[u64; 1000]>(), "{size}");
}
