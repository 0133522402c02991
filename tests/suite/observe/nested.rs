//! Calls that bodies make.

use cache_runtime::{Source as From, Ttl, cached, observe, observe_blocking};

use super::{MINUTE, depths, item, page, stored, told};
use crate::source::Source;
use crate::stores::{Store, TestCache, on_stores};

#[tokio::test]
async fn the_calls_of_a_body_precede_its_own_one_level_deeper() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        item(&source, 8, "blue").await.unwrap();
        let (_, seen) = observe(page(&source, 7)).await;
        let (first, second, whole) = ("observed:item:7", "observed:item:8", "observed:page:7");
        let found = stored(cache.store);
        assert_eq!(told(&seen), [(first, From::Load), (second, found), (whole, From::Load)]);
        assert_eq!(depths(&seen), [(1, first), (1, second), (0, whole)]);
        assert!(seen.loaded("page") && seen.loaded("observed:item:7") && seen.hit("team:blue"));
        assert!(!seen.loaded("observed:item:8") && !seen.hit("page"));
        // The least of them all is that of an item.
        let left = seen.remaining().and_then(Ttl::duration).unwrap();
        assert!(left <= MINUTE, "{left:?}");

        let (_, seen) = observe(page(&source, 7)).await;
        assert_eq!(told(&seen), [(whole, found)]);
    })
    .await;
}

#[tokio::test]
async fn concurrent_bodies_each_have_their_calls() {
    on_stores(&[Store::Memory], async |_: TestCache| {
        let source = Source::new(1);
        let both = async { tokio::join!(page(&source, 1), page(&source, 11)) };
        let (_, seen) = observe(both).await;
        assert_eq!((seen.len(), seen.of("page").len()), (6, 2));
        let table = seen.to_string();
        let names: Vec<_> =
            table.lines().filter_map(|line| line.split_whitespace().last()).skip(1).collect();
        let tree = ["page:1", "item:1", "item:2", "page:11", "item:11", "item:12"];
        assert_eq!(names[..6], tree.map(|name| format!("observed:{name}")), "{table}");
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "observed:observer", key = "{id}")]
async fn observer(source: &Source, id: u64) -> u64 {
    let (_, inner) = observe(item(source, id, "red")).await;
    assert_eq!(depths(&inner), [(0, "observed:item:1")]);
    inner.len() as u64
}

#[tokio::test]
async fn observations_nest_and_both_are_told() {
    on_stores(&Store::INTENDED, async |_: TestCache| {
        let source = Source::new(1);
        let ((inner, between), outer) = observe(async {
            let (_, inner) = observe(observer(&source, 1)).await;
            (inner, item(&source, 2, "red").await)
        })
        .await;
        assert_eq!(between, Ok(201));
        let (one, two, whole) = ("observed:item:1", "observed:item:2", "observed:observer:1");
        assert_eq!(depths(&inner), [(1, one), (0, whole)]);
        assert_eq!(depths(&outer), [(1, one), (0, whole), (0, two)]);
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "observed:double", key = "{x}")]
fn double(x: u64) -> u64 {
    x * 2
}

#[cached(ttl = "1m", key_prefix = "observed:total", key = "{n}", entry_fn = total_entry)]
fn total(n: u64) -> u64 {
    (0..n).map(double).sum()
}

#[tokio::test]
async fn functions_that_are_not_async_are_observed() {
    on_stores(&[Store::Memory], async |_: TestCache| {
        let (output, seen) = observe_blocking(|| double(0) + total(2) + total(2));
        assert_eq!(output, 4);
        let (zero, one, whole) = ("observed:double:0", "observed:double:1", "observed:total:2");
        let found = From::Memory;
        let expected = [
            (zero, From::Load),
            (zero, found),
            (one, From::Load),
            (whole, From::Load),
            (whole, found),
        ];
        assert_eq!(told(&seen), expected);
        assert_eq!(depths(&seen), [(0, zero), (1, zero), (1, one), (0, whole), (0, whole)]);

        let (_, seen) = observe(async { total_entry(2).refresh().unwrap() }).await;
        let expected = [(zero, found), (one, found), (whole, From::Load)];
        assert_eq!(told(&seen), expected);
        let (_, seen) = observe_blocking(|| ());
        assert!(seen.is_empty());
    })
    .await;
}
