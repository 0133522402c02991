//! The end of a transaction: applied, discarded, unknown.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cache_runtime::{InvalidationQueue, deferred, with};
use tokio::task::yield_now;

use super::{change, change_entry, change_shelf, item, other, put_item, put_named};
use crate::scopes::poll_once;
use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores, until};

// R1
#[tokio::test]
async fn nothing_is_invalidated_before_the_commit_and_all_of_it_after() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(item(&source, 1, 1).await, 1);
        let before = cache.manager.stats().invalidations;
        let ((), pending) = deferred(change(&source, 1, 2)).await;
        assert_eq!(item(&source, 1, 1).await, 1, "nobody else sees the change");
        assert_eq!(cache.manager.stats().invalidations, before);
        assert!(pending.apply().await || cache.store == Store::Outage);
        assert_eq!(cache.manager.stats().invalidations, before + 1);
        assert_eq!(item(&source, 1, 1).await, 2);
    })
    .await;
}

#[tokio::test]
async fn each_kind_of_invalidation_waits_for_the_commit() {
    on_each_store(async |_| {
        let source = Source::new(1);
        for (round, kind) in (2..).zip(["prefix", "entry", "tags", "put"]) {
            item(&source, 1, 1).await;
            let ((), pending) = deferred(async {
                match kind {
                    "prefix" => change(&source, 1, round).await,
                    "entry" => change_entry(&source, 1, round).await,
                    "tags" => change_shelf(&source, 1, round).await,
                    _ => drop(put_item(&source, 1, round).await),
                }
            })
            .await;
            assert_eq!(item(&source, 1, 1).await, round - 1, "{kind}");
            pending.apply().await;
            assert_eq!(item(&source, 1, 1).await, round, "{kind}");
        }
    })
    .await;
}

// R1: its value is not committed.
#[tokio::test]
async fn a_put_whose_value_names_its_entry_waits_for_the_commit() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        for commits in [false, true] {
            item(&source, 2, 1).await;
            other(&source, 1).await;
            let before = cache.manager.stats();
            let (put, pending) = deferred(put_named(&source, 1, 2)).await;
            assert_eq!((put, pending.len()), (2, 2));
            assert_eq!((item(&source, 2, 1).await, other(&source, 1).await), (1, 1));
            let now = cache.manager.stats();
            assert_eq!(now.total.stores, before.total.stores, "nothing is stored");
            assert_eq!(now.invalidations, before.invalidations, "and nothing removed");
            if commits {
                pending.apply().await;
                assert_eq!((item(&source, 2, 1).await, other(&source, 1).await), (2, 2));
            } else {
                pending.discard();
                source.set(1);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_rollback_invalidates_nothing() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        item(&source, 1, 1).await;
        let (value, pending) = deferred(async {
            put_item(&source, 1, 2).await;
            item(&source, 1, 1).await
        })
        .await;
        assert_eq!(value, 2, "the transaction sees its own row");
        source.set(1);
        pending.discard();
        let reads = source.reads();
        assert_eq!((item(&source, 1, 1).await, source.reads()), (1, reads), "it is still cached");
        assert_eq!(cache.manager.stats().invalidations, 0);
    })
    .await;
}

#[tokio::test]
async fn an_unknown_end_invalidates() {
    on_each_store(async |_| {
        let source = Source::new(1);
        for (round, end) in (2..).zip(["in the background", "dropped", "dropped future"]) {
            item(&source, 1, 1).await;
            if end == "dropped future" {
                let mut future = Box::pin(deferred(async {
                    change(&source, 1, round).await;
                    std::future::pending::<()>().await;
                }));
                assert!(poll_once(future.as_mut()).is_pending());
                drop(future);
            } else {
                let ((), pending) = deferred(change(&source, 1, round)).await;
                match end {
                    "dropped" => drop(pending),
                    _ => pending.apply_in_background(),
                }
            }
            assert_eq!(item(&source, 1, 1).await, round, "{end}");
        }
    })
    .await;
}

// R1, R6: the commit may follow the first invalidation.
#[tokio::test]
async fn after_an_unknown_end_a_value_that_was_loaded_at_once_is_invalidated_as_well() {
    on_stores(&Store::INTENDED, async |_| {
        let source = Source::new(1);
        let ((), pending) = deferred(change(&source, 1, 1)).await;
        pending.apply_in_background();
        assert_eq!(item(&source, 1, 1).await, 1);
        source.set(2);
        until(async || {
            yield_now().await;
            item(&source, 1, 1).await == 2
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_dropped_apply_is_completed_in_the_background() {
    on_each_store(async |_| {
        let source = Source::new(1);
        item(&source, 1, 1).await;
        let ((), pending) = deferred(change(&source, 1, 2)).await;
        drop(pending.apply());
        assert_eq!(item(&source, 1, 1).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_transaction_lists_its_invalidations_once_each() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let source = Source::new(1);
        let ((), pending) = deferred(async {
            change(&source, 1, 2).await;
            change(&source, 1, 3).await;
            cache.manager.invalidate_tag("home").await.unwrap();
            cache.manager.clear("user:?").await.unwrap();
        })
        .await;
        assert_eq!(pending.len(), 4);
        let namespace = &cache.manager.config().namespace;
        let mut listed: Vec<String> = pending.iter().map(|one| one.to_string()).collect();
        listed.sort();
        let expected = ["name defer:item:1", "pattern user:?", "tag defer:item:1", "tag home"];
        assert_eq!(listed, expected.map(|target| format!("{target} in {namespace}")));
        pending.discard();
    })
    .await;
}

// R7
#[tokio::test]
async fn too_many_invalidations_become_one_of_everything() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let source = Source::new(1);
        item(&source, 1, 1).await;
        let ((), pending) = deferred(async {
            for number in 0..=10_000 {
                cache.manager.invalidate_tag(&format!("number:{number}")).await.unwrap();
            }
        })
        .await;
        assert_eq!(pending.len(), 1);
        source.set(2);
        pending.apply().await;
        assert_eq!(item(&source, 1, 1).await, 2);
    })
    .await;
}

// R7
#[tokio::test]
async fn a_function_with_too_many_targets_invalidates_everything() {
    #[cache_runtime::cache_invalidate(prefix = "defer:many:{id}", each(id in ids))]
    async fn change_many(ids: &[u64]) {
        _ = ids;
    }
    on_stores(&[Store::Memory], async |_| {
        let ids: Vec<u64> = (0..=10_000).collect();
        let ((), pending) = deferred(change_many(&ids)).await;
        assert_eq!(pending.len(), 1);
        pending.discard();
    })
    .await;
}

// R6: other processes have no other way to learn of it.
#[tokio::test]
async fn invalidations_that_outlive_their_manager_reach_redis() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let source = Source::new(1);
        item(&source, 1, 1).await;
        let own = cache.peer().await;
        let ((), pending) = with(&own, deferred(change(&source, 1, 2))).await;
        drop(own);
        assert!(pending.apply().await, "Redis has confirmed it");
        until(async || item(&source, 1, 1).await == 2).await;
    })
    .await;
}

// R3
#[tokio::test]
async fn a_panic_in_a_scope_ends_the_scope_and_leaves_the_queue_usable() {
    #[cache_runtime::cache_invalidate(prefix = "defer:item:{id}")]
    async fn change_and_panic(source: &Source, id: u64) {
        _ = id;
        source.set(2);
        panic!("as the test wants");
    }
    on_stores(&[Store::Memory], async |_| {
        let (source, queue) = (Source::new(1), InvalidationQueue::new());
        item(&source, 1, 1).await;
        let mut panicking = Box::pin(queue.scope(change_and_panic(&source, 1)));
        catch_unwind(AssertUnwindSafe(|| poll_once(panicking.as_mut()))).unwrap_err();
        drop(panicking);
        assert_eq!(item(&source, 1, 1).await, 1, "this call is not in the scope");
        assert_eq!(queue.scope(item(&source, 1, 1)).await, 2, "it may have written");
        queue.take().apply().await;
        assert_eq!(item(&source, 1, 1).await, 2);
    })
    .await;
}

/// Invalidates when it is dropped, as a guard does.
struct InvalidatesAtItsEnd;

impl Drop for InvalidatesAtItsEnd {
    fn drop(&mut self) {
        #[cache_runtime::cache_invalidate(prefix = "defer:guarded")]
        fn changed() {}
        changed();
    }
}

#[tokio::test]
async fn a_queue_may_end_in_its_own_scope_and_beside_destructors_that_invalidate() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let queue = InvalidationQueue::new();
        let of_scope = queue.clone();
        let before = cache.manager.stats().invalidations;
        of_scope
            .scope(async move {
                let _guard = InvalidatesAtItsEnd;
                drop(queue);
            })
            .await;
        assert!(!of_scope.is_empty());
        drop(of_scope);
        assert_eq!(cache.manager.stats().invalidations, before + 1);
    })
    .await;
}
