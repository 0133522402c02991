//! The future that is observed: its polls, its panics and its end.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use cache_runtime::{Source as From, cached, observe, observe_blocking};

use super::{item, told};
use crate::scopes::poll_once;
use crate::source::Source;
use crate::stores::{Store, TestCache, on_stores};

#[tokio::test]
async fn calls_outside_of_the_future_are_not_its_own() {
    on_stores(&[Store::Memory], async |_: TestCache| {
        let source = Source::new(1);
        let mut observed = Box::pin(observe(async {
            item(&source, 1, "red").await.unwrap();
            tokio::task::yield_now().await;
            item(&source, 1, "red").await.unwrap();
        }));
        assert!(poll_once(observed.as_mut()).is_pending());
        item(&source, 2, "red").await.unwrap();
        let ((), seen) = observed.await;
        item(&source, 3, "red").await.unwrap();
        let name = "observed:item:1";
        assert_eq!(told(&seen), [(name, From::Load), (name, From::Memory)]);
    })
    .await;
}

#[tokio::test]
async fn a_spawned_future_is_observed_on_its_own() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let source = Source::new(1);
        let (of_task, seen) = observe(async {
            let source = source.clone();
            let task = async move { observe(item(&source, 1, "red")).await.1 };
            cache.spawn(task).await.unwrap()
        })
        .await;
        assert!(seen.is_empty(), "{seen}");
        assert_eq!(told(&of_task), [("observed:item:1", From::Load)]);
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "observed:panicking", key = "{id}")]
async fn panicking(source: &Source, id: u64) -> u64 {
    item(source, id, "red").await.unwrap();
    tokio::task::yield_now().await;
    panic!("in the body")
}

/// Returns the output, unless a poll panics.
async fn caught<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(polled) => polled.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}

#[tokio::test]
async fn a_panic_ends_the_call_and_leaves_the_rest_as_it_was() {
    on_stores(&Store::INTENDED, async |_: TestCache| {
        let source = Source::new(1);
        let (caught, seen) = observe(async {
            let caught = caught(panicking(&source, 1)).await;
            item(&source, 2, "red").await.unwrap();
            caught
        })
        .await;
        assert_eq!(caught, None);
        // The call that has panicked has no output.
        let depths: Vec<_> = seen.calls().iter().map(|call| (call.depth(), call.name())).collect();
        assert_eq!(depths, [(1, Some("observed:item:1")), (0, Some("observed:item:2"))]);
        assert_eq!(seen.to_string().lines().count(), 4, "{seen}");
    })
    .await;
}

#[tokio::test]
async fn a_panic_of_the_observed_future_ends_the_observation() {
    on_stores(&[Store::Memory], async |_: TestCache| {
        let source = Source::new(1);
        let ((), outer) = observe(async {
            let mut inner = Box::pin(observe(async { panic!("in the future") }));
            let polled = catch_unwind(AssertUnwindSafe(|| poll_once(inner.as_mut())));
            assert!(polled.is_err());
            let blocking = AssertUnwindSafe(|| observe_blocking(|| panic!("in the function")));
            assert!(catch_unwind(blocking).is_err());
            item(&source, 1, "red").await.unwrap();
        })
        .await;
        assert_eq!(told(&outer), [("observed:item:1", From::Load)]);
        let (_, seen) = observe(item(&source, 1, "red")).await;
        assert_eq!(told(&seen), [("observed:item:1", From::Memory)]);
    })
    .await;
}

#[tokio::test]
async fn a_drop_ends_the_future_and_its_observation() {
    on_stores(&Store::INTENDED, async |_: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        {
            let mut observed = Box::pin(observe(item(&source, 1, "red")));
            // With Redis, the body begins after replies from there.
            let reached = async { hold.reached().await };
            tokio::select! {
                _ = &mut observed => panic!("the body is held up"),
                () = reached => {}
            }
        }
        drop(hold);
        assert_eq!(source.clones(), 1);
        let (_, seen) = observe(item(&source, 1, "red")).await;
        assert_eq!(told(&seen), [("observed:item:1", From::Load)]);
    })
    .await;
}

#[tokio::test]
async fn a_call_that_is_dropped_is_not_told() {
    on_stores(&Store::INTENDED, async |_: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let (_, seen) = observe(async {
            tokio::select! {
                _ = item(&source, 1, "red") => panic!("the body is held up"),
                () = hold.reached() => {}
            }
        })
        .await;
        assert!(seen.is_empty(), "{seen}");
    })
    .await;
}

#[tokio::test]
async fn the_first_ten_thousand_calls_are_kept_and_the_others_counted() {
    // R7
    on_stores(&[Store::Memory], async |_: TestCache| {
        let source = Source::new(1);
        let (_, seen) = observe(async {
            for _ in 0..10_003 {
                item(&source, 1, "red").await.unwrap();
            }
        })
        .await;
        assert_eq!((seen.len(), seen.omitted(), seen.remaining()), (10_000, 3, None));
        assert_eq!((seen.count(From::Load), seen.count(From::Memory)), (1, 9_999));
        assert_eq!(seen.of("team:red").omitted(), 3);
        assert!(seen.to_string().ends_with("10000 calls; 3 more are not recorded"));
    })
    .await;
}
