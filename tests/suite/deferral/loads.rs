//! Loads that run while a transaction writes.

use cache_runtime::{InvalidationQueue, cache_invalidate, cached, deferred};

use super::{change, item, other};
use crate::scopes::poll_once;
use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores};

/// A load that makes the row that it returns, in the transaction around it.
#[cached(ttl = 60, key_prefix = "defer:made", key = "{id}")]
async fn made(source: &Source, id: u64) -> u64 {
    change(source, id, 7).await;
    source.read().await
}

/// A load with a transaction of its own, which is rolled back.
#[cached(ttl = 60, key_prefix = "defer:tried", key = "{id}")]
async fn tried(source: &Source, id: u64) -> u64 {
    let (value, pending) = deferred(async {
        change(source, id, 7).await;
        source.read().await
    })
    .await;
    source.set(1);
    pending.discard();
    value
}

#[cached(ttl = 60, key_prefix = "defer:tried-many", key = "{id}", each(id in ids))]
async fn tried_many(source: &Source, ids: &[u64]) -> Vec<u64> {
    let value = tried(source, 9).await;
    ids.iter().map(|_| value).collect()
}

#[cached(ttl = 60, key_prefix = "defer:failed", key = "{id}", error_ttl = "1m")]
async fn failed(source: &Source, id: u64) -> Result<u64, u64> {
    Err(tried(source, id).await)
}

#[cached(ttl = 60, stale_while_revalidate = "1h", key_prefix = "defer:renewed", key = "{id}")]
async fn renewed(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

/// Reads the row that it has written, before it ends.
#[cache_invalidate(prefix = "defer:item:{id}", when = "success")]
async fn change_and_read(source: &Source, id: u64, value: u64) -> Result<u64, u64> {
    source.set(value);
    Err(item(source, id, 1).await)
}

#[cache_invalidate(prefix = "defer:item:{result}", when = "success")]
async fn change_some(source: &Source, value: u64) -> Result<u64, u64> {
    source.set(value);
    Err(item(source, 1, 1).await + other(source, 1).await)
}

#[tokio::test]
async fn a_load_that_writes_in_its_transaction_is_not_stored() {
    on_each_store(async |_| {
        let source = Source::new(1);
        let (value, pending) = deferred(made(&source, 1)).await;
        assert_eq!(value, 7);
        pending.discard();
        source.set(1);
        let reads = source.reads();
        made(&source, 1).await;
        assert!(source.reads() > reads, "nothing was stored");
    })
    .await;
}

#[tokio::test]
async fn a_load_around_a_transaction_that_was_rolled_back_is_not_stored() {
    on_each_store(async |_| {
        let source = Source::new(1);
        for _ in 0..2 {
            let reads = source.reads();
            assert_eq!(tried(&source, 1).await, 7);
            assert_eq!(tried_many(&source, &[1, 2]).await, [7, 7]);
            assert_eq!(failed(&source, 1).await, Err(7));
            assert_eq!(source.reads(), reads + 3, "each body has run");
        }
    })
    .await;
}

#[tokio::test]
async fn a_load_around_a_transaction_is_not_shared() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let first = cache.spawn({
            let source = source.clone();
            async move { tried(&source, 1).await }
        });
        hold.reached().await;
        let second = cache.spawn({
            let source = source.clone();
            async move { tried(&source, 1).await }
        });
        tokio::task::yield_now().await;
        hold.release();
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (7, 7));
        assert_eq!(source.reads(), 2, "the second caller has run the body itself");
    })
    .await;
}

#[tokio::test]
async fn the_calls_of_a_mutation_see_what_it_has_written() {
    on_each_store(async |_| {
        let source = Source::new(1);
        item(&source, 1, 1).await;
        other(&source, 1).await;
        let ((), pending) = deferred(async {
            assert_eq!(change_and_read(&source, 1, 2).await, Err(2));
            source.set(1);
            assert_eq!(change_some(&source, 2).await, Err(2 + 1));
        })
        .await;
        assert!(pending.is_empty(), "nothing is invalidated after an error");
        // The row may be there nevertheless, so nothing that is read beside it is stored.
        let queue = InvalidationQueue::new();
        queue.scope(change_and_read(&source, 1, 5)).await.unwrap_err();
        assert!(queue.is_empty());
        assert_eq!(queue.scope(other(&source, 2)).await, 5);
        source.set(1);
        assert_eq!(other(&source, 2).await, 1, "it was not stored");
        source.set(1);
        assert_eq!((item(&source, 1, 1).await, other(&source, 1).await), (1, 1));
    })
    .await;
}

// The call has begun, and its body has not.
#[tokio::test]
async fn a_load_that_a_write_of_its_transaction_precedes_is_not_stored() {
    on_stores(&Store::ONE_SERVER, async |_| {
        let source = Source::new(1);
        let queue = InvalidationQueue::new();
        let mut load = Box::pin(queue.scope(other(&source, 1)));
        assert!(poll_once(load.as_mut()).is_pending());
        assert_eq!(source.reads(), 0, "it waits for Redis");
        queue.scope(change(&source, 1, 2)).await;
        assert_eq!(load.await, 2);
        queue.take().discard();
        source.set(1);
        assert_eq!(other(&source, 1).await, 1, "nothing was stored");
    })
    .await;
}

#[tokio::test]
async fn a_load_beside_a_write_of_its_transaction_is_not_stored() {
    on_each_store(async |_| {
        let source = Source::new(1);
        let queue = InvalidationQueue::new();
        let hold = source.hold();
        let mut load = Box::pin(queue.scope(other(&source, 1)));
        while source.reads() == 0 {
            assert!(poll_once(load.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
        let savepoint = queue.nested();
        savepoint.scope(change(&source, 1, 2)).await;
        savepoint.take().discard();
        hold.release();
        load.await;
        let reads = source.reads();
        other(&source, 1).await;
        assert_eq!(source.reads(), reads + 1, "nothing was stored");
        queue.take().discard();
    })
    .await;
}

#[tokio::test]
async fn a_caller_outside_does_not_get_the_row_of_a_transaction() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let queue = InvalidationQueue::new();
        queue.scope(change(&source, 1, 2)).await;
        let hold = source.hold();
        let inside = cache.spawn({
            let (queue, source) = (queue.clone(), source.clone());
            async move { queue.scope(item(&source, 1, 1)).await }
        });
        hold.reached().await;
        // The committed row is the old one.
        source.set(1);
        assert_eq!(item(&source, 1, 1).await, 1);
        hold.release();
        assert_eq!(inside.await.unwrap(), 2);
        assert_eq!(item(&source, 1, 1).await, 1);
        queue.take().discard();
    })
    .await;
}

// R1: the look-up of a call may wait for others, and the transaction may write meanwhile.
#[tokio::test]
async fn a_load_that_begins_after_a_write_beside_its_call_is_not_stored() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let leader = cache.spawn({
            let source = source.clone();
            async move { other(&source, 1).await }
        });
        hold.reached().await;
        let queue = InvalidationQueue::new();
        let mut follower = Box::pin(queue.scope(other(&source, 1)));
        assert!(poll_once(follower.as_mut()).is_pending());
        queue.scope(change(&source, 2, 2)).await;
        leader.abort();
        leader.await.unwrap_err();
        assert_eq!(follower.await, 2);
        source.set(1);
        queue.take().discard();
        assert_eq!(other(&source, 1).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_transaction_whose_function_has_failed_still_counts_as_one_that_has_written() {
    on_each_store(async |_| {
        let source = Source::new(1);
        let ((), pending) = deferred(async {
            change_and_read(&source, 1, 2).await.unwrap_err();
            assert_eq!((item(&source, 1, 1).await, other(&source, 1).await), (2, 2));
        })
        .await;
        assert!(pending.is_empty());
        source.set(1);
        assert_eq!((item(&source, 1, 1).await, other(&source, 1).await), (1, 1));
    })
    .await;
}

// R6
#[tokio::test]
async fn a_refresh_in_the_background_does_not_hold_up_the_end_of_its_transaction() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        renewed(&source, 1).await;
        cache.clock.advance(std::time::Duration::from_secs(61));
        let hold = source.hold();
        let queue = InvalidationQueue::new();
        assert_eq!(queue.scope(renewed(&source, 1)).await, 1, "it is refreshed meanwhile");
        hold.reached().await;
        let before = cache.manager.stats().invalidations;
        queue.scope(change(&source, 1, 2)).await;
        drop(queue);
        assert_eq!(cache.manager.stats().invalidations, before + 1);
        hold.release();
    })
    .await;
}
