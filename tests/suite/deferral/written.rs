//! A transaction that has written, though its own queue holds nothing: after a failure, or in a savepoint. And
//! transactions that end in the scope of another one.

use cache_runtime::{InvalidationQueue, cache_invalidate, deferred};

use super::{change, item, other};
use crate::source::Source;
use crate::stores::on_each_store;

/// Fails when it has written.
#[cache_invalidate(prefix = "defer:item:{id}", when = "success")]
async fn fail_to_change(source: &Source, id: u64, value: u64) -> Result<(), ()> {
    _ = id;
    source.set(value);
    Err(())
}

#[tokio::test]
async fn after_a_change_that_has_failed_no_load_of_its_transaction_is_stored() {
    on_each_store(async |_| {
        let source = Source::new(1);
        let (value, pending) = deferred(async {
            fail_to_change(&source, 1, 2).await.unwrap_err();
            item(&source, 1, 1).await + other(&source, 1).await
        })
        .await;
        assert_eq!(value, 4);
        pending.discard();
        source.set(1);
        assert_eq!((item(&source, 1, 1).await, other(&source, 1).await), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_load_beside_a_savepoint_that_has_written_is_not_stored() {
    on_each_store(async |_| {
        let source = Source::new(1);
        let queue = InvalidationQueue::new();
        let savepoint = queue.nested();
        let value = queue.scope(async {
            savepoint.scope(change(&source, 1, 2)).await;
            item(&source, 1, 1).await
        });
        assert_eq!(value.await, 2);
        savepoint.take().discard();
        source.set(1);
        assert_eq!(item(&source, 1, 1).await, 1);
    })
    .await;
}

#[tokio::test]
async fn another_transaction_that_commits_in_the_scope_of_one_does_not_wait_for_its_end() {
    on_each_store(async |_| {
        let source = Source::new(1);
        item(&source, 1, 1).await;
        let (outer, independent) = (InvalidationQueue::new(), InvalidationQueue::new());
        outer
            .scope(async {
                independent.scope(change(&source, 1, 2)).await;
                independent.take().apply().await;
            })
            .await;
        outer.take().discard();
        assert_eq!(item(&source, 1, 1).await, 2);
    })
    .await;
}
