//! Calls in the scope of a transaction.

use cache_runtime::{BypassReason, CacheCall as _, Source as Origin, deferred, observe};

use super::{change, change_entry, change_shelf, derived, item, other, page, titles};
use crate::source::Source;
use crate::stores::{TestCache, on_each_store};

#[tokio::test]
async fn a_call_that_depends_on_a_pending_invalidation_sees_the_row_of_the_transaction() {
    on_each_store(async |_| {
        let source = Source::new(1);
        for id in [1, 2] {
            item(&source, id, 1).await;
        }
        let (seen, pending) = deferred(async {
            change(&source, 1, 2).await;
            [item(&source, 1, 1).await, item(&source, 2, 1).await]
        })
        .await;
        assert_eq!(seen, [2, 1], "the other entry is answered from the cache");
        source.set(1);
        pending.discard();
        assert_eq!(item(&source, 1, 1).await, 1);
    })
    .await;
}

#[tokio::test]
async fn each_way_to_depend_counts() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let load = async |value: u64| {
            item(&source, 1, 1).await == value
                && derived(&source, 1).await == value
                && page(&source, 1).await == value * 10
        };
        assert!(load(1).await);
        for kind in ["prefix", "entry", "tag", "above", "pattern", "everything"] {
            let (is_new, pending) = deferred(async {
                match kind {
                    "prefix" => change(&source, 1, 2).await,
                    "entry" => change_entry(&source, 1, 2).await,
                    "tag" => change_shelf(&source, 1, 2).await,
                    "above" => cache.manager.invalidate_prefix("defer").await.unwrap(),
                    "pattern" => _ = cache.manager.clear("defer:*:1").await.unwrap(),
                    _ => _ = cache.manager.flush_all().await,
                }
                source.set(2);
                load(2).await
            })
            .await;
            assert!(is_new, "{kind}");
            source.set(1);
            pending.discard();
            let reads = source.reads();
            assert!(load(1).await && source.reads() == reads, "{kind}: nothing has changed");
        }
    })
    .await;
}

#[tokio::test]
async fn while_something_is_pending_nothing_is_loaded_into_the_cache() {
    on_each_store(async |_| {
        let source = Source::new(1);
        let ((), pending) = deferred(async {
            change(&source, 1, 2).await;
            assert_eq!(other(&source, 1).await, 2, "it may read the row of the transaction");
            assert_eq!(derived(&source, 1).await, 2);
            assert_eq!(titles(&source, &[1, 2]).await, [2, 2]);
        })
        .await;
        source.set(1);
        pending.discard();
        assert_eq!((other(&source, 1).await, derived(&source, 1).await), (1, 1));
        assert_eq!(titles(&source, &[1, 2]).await, [1, 1]);
    })
    .await;
}

#[tokio::test]
async fn a_batch_is_answered_for_those_of_its_ids_that_depend_on_nothing_pending() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        titles(&source, &[1, 2]).await;
        let (seen, pending) = deferred(async {
            cache.manager.invalidate_prefix("defer:title:1").await.unwrap();
            source.set(2);
            titles(&source, &[1, 2]).await
        })
        .await;
        assert_eq!(seen, [2, 1]);
        pending.discard();
    })
    .await;
}

#[tokio::test]
async fn before_anything_is_pending_calls_are_cached_as_elsewhere() {
    on_each_store(async |_| {
        let source = Source::new(1);
        let ((), pending) = deferred(async {
            assert_eq!((item(&source, 1, 1).await, item(&source, 1, 1).await), (1, 1));
        })
        .await;
        assert_eq!((pending.is_empty(), source.reads()), (true, 1));
        item(&source, 1, 1).await;
        assert_eq!(source.reads(), 1);
    })
    .await;
}

#[tokio::test]
async fn requests_to_an_entry_follow_the_same_rules() {
    on_each_store(async |_| {
        let source = Source::new(1);
        item(&source, 1, 1).await;
        other(&source, 1).await;
        let ((), pending) = deferred(async {
            change(&source, 1, 2).await;
            let peeked = item(&source, 1, 1).cache_entry().peek().await.unwrap();
            assert_eq!(peeked, None, "it is the row from before");
            assert_eq!(other(&source, 1).cache_entry().peek().await.unwrap(), Some(1));
            assert_eq!(item(&source, 1, 1).cache_entry().refresh().await.unwrap(), 2);
            assert_eq!(other(&source, 1).cache_entry().refresh().await.unwrap(), 2);
            other(&source, 1).cache_entry().put(3_u64).await.unwrap();
        })
        .await;
        assert_eq!(item(&source, 1, 1).await, 1, "nothing was refreshed");
        assert_eq!(other(&source, 1).await, 1);
        source.set(1);
        pending.discard();

        let (put, pending) = deferred(async {
            item(&source, 2, 1).cache_entry().invalidate().await.unwrap();
            other(&source, 1).cache_entry().put(3_u64).await
        })
        .await;
        put.unwrap();
        source.set(4);
        pending.apply().await;
        assert_eq!(other(&source, 1).await, 4, "a put of the transaction removes the entry");
    })
    .await;
}

#[tokio::test]
async fn an_observation_says_why_a_call_was_not_cached() {
    on_each_store(async |_| {
        let source = Source::new(1);
        let (((), seen), pending) = deferred(observe(async {
            change(&source, 1, 2).await;
            item(&source, 1, 1).await;
            other(&source, 1).await;
        }))
        .await;
        pending.discard();
        let reasons: Vec<_> =
            seen.calls().iter().map(|call| (call.source(), call.bypass())).collect();
        assert_eq!(
            reasons,
            [
                (Origin::Bypass, Some(BypassReason::Uncommitted)),
                (Origin::Bypass, Some(BypassReason::ReadsOnly)),
            ]
        );
    })
    .await;
}
