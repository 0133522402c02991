//! `{result.shelf}`: an invalidation that needs the result of the function.

use std::time::Duration;

use cache_runtime::{cache_invalidate, cache_put, cached, with};
use serde::{Deserialize, Serialize};

use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Product {
    id: u64,
    shelf: String,
    rack: Option<u64>,
}

fn of(id: u64, shelf: &str) -> Product {
    Product { id, shelf: shelf.to_owned(), rack: None }
}

#[cached(ttl = 60, key_prefix = "result:list", key = "{shelf}")]
async fn list(source: &Source, shelf: &str) -> u64 {
    _ = shelf;
    source.read().await
}

#[cached(ttl = 60, key_prefix = "result:product", key = "{id}")]
async fn product(source: &Source, id: u64) -> Product {
    source.read().await;
    of(id, "a")
}

/// Counts the runs of the bodies since the last call.
async fn runs(source: &Source) -> [usize; 4] {
    let mut before = source.reads();
    let mut since = move || {
        let runs = source.reads() - before;
        before = source.reads();
        runs
    };
    list(source, "a").await;
    let a = since();
    list(source, "b").await;
    let b = since();
    product(source, 1).await;
    let one = since();
    product(source, 2).await;
    [a, b, one, since()]
}

const ALL: [usize; 4] = [1; 4];
const NONE: [usize; 4] = [0; 4];

#[cache_invalidate(prefix = "result:list:{result.shelf}", entry = product(source, result.id))]
async fn change(source: &Source, change: Result<Product, String>) -> Result<Product, String> {
    _ = source;
    change
}

#[cache_invalidate(prefix = "result:list:{result.shelf}", when = "always")]
async fn change_always(change: Result<Product, String>) -> Result<Product, String> {
    change
}

#[cache_invalidate(prefix = "result:list:{result.shelf}", if = |result| result.id != 0)]
async fn change_if(change: Product) -> Product {
    change
}

#[cache_invalidate(prefix = "result:list:{result.0.1}")]
async fn change_in_tuples(shelf: String) -> ((u64, String), u64) {
    ((1, shelf), 2)
}

#[cache_invalidate(prefix = "result:{kind}:{result}")]
async fn change_of_kind(kind: String, shelf: &str) -> String {
    drop(kind);
    shelf.to_owned()
}

#[cache_invalidate(prefix = "result:product:{result.rack?}")]
async fn change_on_rack(rack: Option<u64>) -> Product {
    Product { rack, ..of(7, "a") }
}

#[cache_invalidate(prefix = "result:list:{result.shelf}", entry = product(source, result.id))]
async fn change_slowly(source: &Source, held: &Source) -> Result<Product, String> {
    _ = source;
    assert_ne!(held.read().await, 13, "a body");
    Ok(of(2, "b"))
}

#[cache_invalidate(prefix = "result:list:{result}")]
async fn change_by_argument(result: String) -> u64 {
    drop(result);
    1
}

#[cache_put(entry = product(source, id), prefix = "result:list:{result.shelf}")]
async fn put(source: &Source, id: u64, shelf: &str) -> Result<Product, String> {
    _ = source;
    Ok(of(id, shelf))
}

#[cached(ttl = 60, key_prefix = "result_blocking", key = "{shelf}", entry_fn = blocking_entry)]
fn blocking(source: &Source, shelf: &str) -> u64 {
    _ = (source, shelf);
    1
}

#[cache_invalidate(prefix = "result_blocking:{result.shelf}")]
fn change_blocking(change: Result<Product, u8>) -> Result<Product, u8> {
    change
}

#[cache_invalidate(entry = blocking_entry(source, &result.shelf))]
fn change_blocking_entry(source: &Source, change: Product) -> Product {
    _ = source;
    assert_ne!(change.id, 13, "a body");
    change
}

#[tokio::test]
async fn the_result_names_what_is_invalidated() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(0);
        assert_eq!((runs(&source).await, runs(&source).await), (ALL, NONE));
        change(&source, Ok(of(2, "a"))).await.unwrap();
        assert_eq!(cache.manager.stats().invalidations, 1, "all targets together");
        assert_eq!(runs(&source).await, [1, 0, 0, 1]);
        change_in_tuples("b".to_owned()).await;
        assert_eq!(runs(&source).await, [0, 1, 0, 0]);
        change_of_kind("list".to_owned(), "a").await;
        assert_eq!(runs(&source).await, [1, 0, 0, 0]);
        change_on_rack(Some(2)).await;
        assert_eq!(runs(&source).await, [0, 0, 0, 1]);
        change_on_rack(None).await;
        assert_eq!(runs(&source).await, NONE);
        change_by_argument("b".to_owned()).await;
        assert_eq!(runs(&source).await, [0, 1, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn other_processes_load_what_the_result_names() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let source = Source::new(0);
        let peer = cache.peer().await;
        with(&peer, async { assert_eq!(runs(&source).await, ALL) }).await;
        change(&source, Ok(of(1, "b"))).await.unwrap();
        with(&cache.peer().await, async { assert_eq!(runs(&source).await, [0, 1, 1, 0]) }).await;
    })
    .await;
}

#[tokio::test]
async fn an_error_invalidates_nothing_unless_the_attribute_says_always() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(0);
        assert_eq!(runs(&source).await, ALL);
        change(&source, Err("no".to_owned())).await.unwrap_err();
        assert_eq!(runs(&source).await, NONE);
        change_always(Ok(of(1, "a"))).await.unwrap();
        assert_eq!(runs(&source).await, [1, 0, 0, 0]);
        change_always(Err("no".to_owned())).await.unwrap_err();
        assert_eq!(runs(&source).await, [1, 1, 0, 0], "all lists, since the shelf is not known");
    })
    .await;
}

#[tokio::test]
async fn the_condition_decides_first() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(0);
        assert_eq!(runs(&source).await, ALL);
        change_if(of(0, "a")).await;
        assert_eq!(runs(&source).await, NONE);
        change_if(of(1, "a")).await;
        assert_eq!(runs(&source).await, [1, 0, 0, 0]);
    })
    .await;
}

// R6: it is unknown what the body has written.
#[tokio::test]
async fn a_body_without_a_result_invalidates_all_that_it_could_name() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(0);
        assert_eq!(runs(&source).await, ALL);
        let held = Source::new(1);
        let hold = held.hold();
        {
            let mut change = std::pin::pin!(change_slowly(&source, &held));
            tokio::select! {
                biased;
                _ = &mut change => panic!("the body is held"),
                () = hold.reached() => {}
            }
        }
        assert_eq!(runs(&source).await, ALL);
        hold.release();
        let panicking = Source::new(13);
        let task = {
            let (source, panicking) = (source.clone(), panicking.clone());
            cache.spawn(async move { change_slowly(&source, &panicking).await })
        };
        assert!(task.await.unwrap_err().is_panic());
        assert_eq!(runs(&source).await, ALL);
    })
    .await;
}

#[tokio::test]
async fn a_put_may_invalidate_by_its_result() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(0);
        assert_eq!(runs(&source).await, ALL);
        put(&source, 1, "b").await.unwrap();
        assert_eq!(product(&source, 1).await, of(1, "b"));
        assert_eq!(runs(&source).await, [0, 1, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn functions_that_are_not_async_name_their_results_too() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let source = Source::new(0);
        let loads = || {
            let before = cache.manager.stats().total.loads;
            let load = |shelf| {
                blocking(&source, shelf);
                cache.manager.stats().total.loads - before
            };
            [load("a"), load("b")]
        };
        assert_eq!((loads(), loads()), ([1, 2], [0, 0]));
        change_blocking(Ok(of(1, "b"))).unwrap();
        assert_eq!(loads(), [0, 1]);
        change_blocking(Err(1)).unwrap_err();
        assert_eq!(loads(), [0, 0]);
        change_blocking_entry(&source, of(1, "a"));
        assert_eq!(loads(), [1, 1]);
        let change = || change_blocking_entry(&source, of(13, "a"));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(change)).unwrap_err();
        assert_eq!(loads(), [1, 2], "all of them");
        cache.clock.advance(Duration::from_secs(1));
        assert_eq!(loads(), [0, 0]);
    })
    .await;
}
