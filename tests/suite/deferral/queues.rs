//! Nested queues, nested scopes, and queues of a snapshot.

use cache_runtime::{InvalidationQueue, deferred, deferred_blocking};

use super::{change, item, other, titles};
use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores};

#[tokio::test]
async fn a_savepoint_is_released_into_its_transaction_or_discarded_alone() {
    on_stores(&[Store::Memory], async |_| {
        let source = Source::new(1);
        let queue = InvalidationQueue::new();
        queue.scope(change(&source, 1, 2)).await;
        let savepoint = queue.nested();
        savepoint.scope(change(&source, 2, 2)).await;
        savepoint.take().discard();
        let savepoint = queue.nested();
        savepoint.scope(change(&source, 3, 2)).await;
        savepoint.release();
        assert!(savepoint.is_empty());
        let names: Vec<_> = queue.take().iter().map(|one| one.target.to_string()).collect();
        let expected =
            ["name defer:item:1", "name defer:item:3", "tag defer:item:1", "tag defer:item:3"];
        assert_eq!(names, expected);
        assert!(queue.is_empty());
    })
    .await;
}

#[tokio::test]
async fn calls_in_a_savepoint_depend_on_the_whole_transaction() {
    on_each_store(async |_| {
        let source = Source::new(1);
        item(&source, 1, 1).await;
        let queue = InvalidationQueue::new();
        queue.scope(change(&source, 1, 2)).await;
        assert_eq!(queue.nested().scope(item(&source, 1, 1)).await, 2);
        // Another transaction inside hides nothing.
        let inner = InvalidationQueue::new();
        assert_eq!(queue.scope(inner.scope(item(&source, 1, 1))).await, 2);
        queue.take().discard();
        assert_eq!(inner.scope(item(&source, 1, 1)).await, 1);
    })
    .await;
}

// R1: whether the inner transaction was one of its own or a savepoint.
#[tokio::test]
async fn applied_inside_of_another_transaction_they_are_done_at_once_and_after_its_commit() {
    on_each_store(async |_| {
        let source = Source::new(1);
        item(&source, 1, 1).await;
        let ((), pending) = deferred(async {
            let ((), inner) = deferred(change(&source, 1, 2)).await;
            inner.apply().await;
        })
        .await;
        assert_eq!((item(&source, 1, 1).await, pending.len()), (2, 2));
        source.set(3);
        pending.apply().await;
        assert_eq!(item(&source, 1, 1).await, 3);
    })
    .await;
}

// R1: the outer commit may follow much later.
#[tokio::test]
async fn a_savepoint_whose_end_is_unknown_is_left_to_its_transaction() {
    on_each_store(async |_| {
        let source = Source::new(1);
        for end in ["dropped", "in the background"] {
            source.set(1);
            let ((), pending) = deferred(async {
                let ((), inner) = deferred(change(&source, 1, 1)).await;
                match end {
                    "dropped" => drop(inner),
                    _ => inner.apply_in_background(),
                }
            })
            .await;
            assert_eq!(pending.len(), 2, "{end}");
            item(&source, 1, 1).await;
            source.set(2);
            pending.apply().await;
            assert_eq!(item(&source, 1, 1).await, 2, "{end}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_ends_in_its_own_scope_invalidates() {
    on_each_store(async |_| {
        let source = Source::new(1);
        item(&source, 1, 1).await;
        let queue = InvalidationQueue::new();
        queue
            .scope(async {
                change(&source, 1, 2).await;
                queue.take().apply().await;
            })
            .await;
        assert_eq!((item(&source, 1, 1).await, queue.is_empty()), (2, true));
    })
    .await;
}

#[tokio::test]
async fn calls_beside_a_savepoint_depend_on_it_until_it_is_rolled_back() {
    on_each_store(async |_| {
        let source = Source::new(1);
        item(&source, 1, 1).await;
        let queue = InvalidationQueue::new();
        let savepoint = queue.nested();
        savepoint.scope(change(&source, 1, 2)).await;
        assert_eq!(queue.scope(item(&source, 1, 1)).await, 2);
        assert_eq!(queue.nested().scope(item(&source, 1, 1)).await, 2);
        savepoint.take().discard();
        source.set(1);
        let reads = source.reads();
        assert_eq!(queue.scope(item(&source, 1, 1)).await, 1);
        assert_eq!(source.reads(), reads, "it is cached");
    })
    .await;
}

#[tokio::test]
async fn a_dropped_queue_invalidates_and_a_nested_one_is_released() {
    on_each_store(async |_| {
        let source = Source::new(1);
        item(&source, 1, 1).await;
        let queue = InvalidationQueue::new();
        let savepoint = queue.nested();
        savepoint.scope(change(&source, 1, 2)).await;
        assert!(queue.is_empty());
        drop(savepoint);
        assert!(!queue.is_empty());
        assert_eq!(item(&source, 1, 1).await, 1);
        drop(queue);
        assert_eq!(item(&source, 1, 1).await, 2);
    })
    .await;
}

// R1: a value of the snapshot would be stored with the tokens of now.
#[tokio::test]
async fn in_a_snapshot_values_are_served_and_none_is_stored() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        other(&source, 1).await;
        titles(&source, &[1]).await;
        let snapshot = InvalidationQueue::of_snapshot();
        for queue in [&snapshot, &snapshot.nested()] {
            // Another transaction commits.
            cache.manager.invalidate_prefix("defer:item:1").await.unwrap();
            assert_eq!(queue.scope(item(&source, 1, 1)).await, 1, "of the snapshot");
            let reads = source.reads();
            assert_eq!(queue.scope(other(&source, 1)).await, 1);
            assert_eq!(source.reads(), reads, "it is cached");
            assert_eq!(queue.scope(titles(&source, &[1, 2])).await, [1, 1]);
            let direct = queue.scope(cache.manager.get_or_load(
                "defer-direct",
                std::time::Duration::from_secs(60),
                async || Ok::<_, ()>(source.read().await),
            ));
            assert_eq!(direct.await, Ok(1));
        }
        source.set(2);
        assert_eq!(item(&source, 1, 1).await, 2);
        assert_eq!(titles(&source, &[1, 2]).await, [1, 2]);
        assert_eq!(cache.manager.get::<u64>("defer-direct").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn code_that_is_not_async_is_deferred_as_well() {
    #[cache_runtime::cache_invalidate(prefix = "defer:plain")]
    fn change_plain(source: &std::cell::Cell<u64>) {
        source.set(2);
    }
    on_stores(&[Store::Memory, Store::Redis], async |cache: TestCache| {
        let source = std::cell::Cell::new(1);
        let before = cache.manager.stats().invalidations;
        let ((), pending) = deferred_blocking(|| change_plain(&source));
        assert_eq!((pending.len(), cache.manager.stats().invalidations), (2, before));
        pending.apply().await;
        assert_eq!(cache.manager.stats().invalidations, before + 1);
    })
    .await;
}
