//! Arguments: patterns, lifetimes, `impl Trait`, raw names, none at all.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use cache_runtime::cached;
use cache_tests::Counter;
use serde::Serialize;

use crate::stores::{TestCache, on_each_store};

struct Path<T>(T);

#[derive(Clone, Serialize)]
struct User {
    name: String,
    tags: (u8, u8),
}

fn ada(second: u8) -> User {
    User { name: "Ada".to_owned(), tags: (1, second) }
}

#[cached(skip(runs))]
async fn patterns(
    runs: &Counter,
    Path(id): Path<u64>,
    (a, mut b): (u8, u8),
    User { name, tags: (first, _) }: User,
    _: &str,
) -> String {
    runs.hit();
    b += 1;
    format!("{id} {a} {b} {name} {first}")
}

#[tokio::test]
async fn what_a_pattern_binds_takes_part() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        let value = patterns(&runs, Path(1), (1, 1), ada(1), "a").await;
        assert_eq!(value, "1 1 2 Ada 1");
        assert_eq!(patterns(&runs, Path(1), (1, 1), ada(2), "b").await, value);
        assert_eq!(runs.count(), 1, "what nothing binds tells nothing apart");
        assert_eq!(patterns(&runs, Path(2), (1, 1), ada(1), "a").await, "2 1 2 Ada 1");
        assert_eq!(patterns(&runs, Path(1), (1, 2), ada(1), "a").await, "1 1 3 Ada 1");
        assert_eq!(runs.count(), 3);
    })
    .await;
}

#[cached(skip(runs))]
async fn borrowed<'a>(runs: &Counter, text: &'a str, list: &[String], cow: Cow<'a, str>) -> usize {
    runs.hit();
    text.len() + list.len() + cow.len()
}

#[tokio::test]
async fn borrowed_and_owned_text_of_equal_content_are_one_key() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        assert_eq!(borrowed(&runs, "a", &[], Cow::Borrowed("bc")).await, 3);
        let text = String::from("a");
        assert_eq!(borrowed(&runs, &text, &[], Cow::Owned("bc".to_owned())).await, 3);
        assert_eq!(runs.count(), 1);
        assert_eq!(borrowed(&runs, "a", &[String::new()], "bc".into()).await, 4);
        assert_eq!(borrowed(&runs, "", &[String::new()], "abc".into()).await, 4);
        assert_eq!(runs.count(), 3);
    })
    .await;
}

#[cached(skip(load))]
async fn with_a_closure(
    number: impl Into<u64> + Copy + Serialize + Send,
    load: impl AsyncFn(u64) -> u64,
) -> u64 {
    load(number.into()).await
}

#[tokio::test]
async fn arguments_may_be_impl_trait() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        let load = async |number: u64| number + runs.hit() as u64;
        assert_eq!(with_a_closure(10_u8, load).await, 11);
        assert_eq!(with_a_closure(10_u8, load).await, 11);
        assert_eq!(with_a_closure(20_u8, load).await, 22);
    })
    .await;
}

#[cached(key = "{type}:{r#match}")]
async fn raw_names(r#type: u8, r#match: &str) -> String {
    format!("{type} {match}", type = r#type, match = r#match)
}

#[cached]
async fn nothing(_: u8) {}

#[cached]
async fn no_arguments() -> Vec<u8> {
    Vec::new()
}

#[tokio::test]
async fn raw_names_are_names() {
    on_each_store(async |cache: TestCache| {
        assert_eq!(raw_names(1, "a").await, "1 a");
        assert_eq!(raw_names(1, "b").await, "1 b");
        let value = cache.manager.get("raw_names:1:a").await.unwrap();
        assert_eq!(value, Some("1 a".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn unit_and_empty_values_are_values() {
    on_each_store(async |cache: TestCache| {
        for _ in 0..2 {
            nothing(1).await;
            assert_eq!(no_arguments().await, [0_u8; 0]);
        }
        let counts = cache.manager.stats().total;
        assert_eq!((counts.loads, counts.hits()), (2, 2));
    })
    .await;
}

#[cached(skip(runs))]
async fn maps(
    runs: &Counter,
    hash: HashMap<String, u8>,
    tree: BTreeMap<u8, Option<char>>,
) -> usize {
    runs.hit();
    hash.len() + tree.len()
}

#[tokio::test]
async fn maps_of_equal_content_are_one_key() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        let names = || (0..50).map(|n| (n.to_string(), n));
        for _ in 0..3 {
            // Each map has an order of its own.
            assert_eq!(maps(&runs, names().collect(), BTreeMap::new()).await, 50);
        }
        assert_eq!(runs.count(), 1);
        maps(&runs, names().skip(1).collect(), BTreeMap::new()).await;
        assert_eq!(runs.count(), 2);
    })
    .await;
}

/// Items and locals with the names that generated code uses.
#[cached(key = (site, call))]
async fn names_of_ours(site: u8, call: u8) -> u8 {
    static __CACHE_RUNTIME_SITE: u8 = 1;
    let (kind, begin, hooks, body) = (1, 1, 1, 1);
    site + call + kind + begin + hooks + body + __CACHE_RUNTIME_SITE
}

#[cached(skip(runs))]
async fn nested(runs: &Counter, id: u8) -> u8 {
    #[cached(skip(runs))]
    async fn nested(runs: &Counter, id: u8) -> u8 {
        runs.hit();
        id * 2
    }
    nested(runs, id).await + 1
}

#[tokio::test]
async fn names_of_ours_and_functions_in_functions_are_the_users() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        for _ in 0..2 {
            assert_eq!(names_of_ours(1, 2).await, 8);
            assert_eq!(nested(&runs, 5).await, 11);
        }
        assert_eq!(runs.count(), 1);
    })
    .await;
}
