//! Functions with `tier = "memory"` keep values, and take arguments, that have no serde.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use cache_runtime::{
    CacheCall as _, CacheManager, MemoryValue, cache_invalidate, cache_put, cached,
};
use cache_tests::Counter;

use crate::stores::{Store, TestCache, on_each_store, on_stores, until};

trait Model: Send + Sync {
    fn answer(&self) -> u64;
}

struct Fixed(u64);

impl Model for Fixed {
    fn answer(&self) -> u64 {
        self.0
    }
}

#[cached(ttl = "1m", key_prefix = "model", tier = "memory", skip(runs))]
async fn model(runs: &Counter, id: u64) -> Arc<dyn Model> {
    runs.hit();
    Arc::new(Fixed(id))
}

#[cache_invalidate(prefix = "model")]
async fn retrain() {}

/// A value with neither serde, `PartialEq` nor `Debug`.
#[derive(Clone)]
struct Compiled {
    run: fn(u64) -> u64,
    source: String,
}

#[derive(Debug, PartialEq)]
struct Broken;

#[cached(
    ttl = "1m",
    tier = "memory",
    stale_while_revalidate = "1m",
    early_refresh = 1.0,
    skip(runs)
)]
async fn compiled(runs: Counter, source: &str) -> Result<Option<Compiled>, Arc<Broken>> {
    runs.hit();
    match source {
        "" => Ok(None),
        "?" => Err(Arc::new(Broken)),
        source => Ok(Some(Compiled { run: |x| x + 1, source: source.to_owned() })),
    }
}

#[tokio::test]
async fn values_without_serde_are_kept_in_every_mode() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        let first = model(&runs, 7).await;
        let second = model(&runs, 7).await;
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!((second.answer(), runs.count()), (7, 1));
        assert_eq!(model(&runs, 8).await.answer(), 8);
        retrain().await;
        assert!(!Arc::ptr_eq(&model(&runs, 7).await, &second));
        assert_eq!(runs.count(), 3);
    })
    .await;
}

#[tokio::test]
async fn options_hold_for_values_without_serde() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        for _ in 0..3 {
            let kept = compiled(runs.clone(), "x + 1").await.unwrap().unwrap();
            assert_eq!(((kept.run)(1), kept.source.as_str()), (2, "x + 1"));
            assert!(compiled(runs.clone(), "").await.unwrap().is_none());
        }
        assert_eq!(runs.count(), 2);
        assert_eq!(*compiled(runs.clone(), "?").await.err().unwrap(), Broken);
        assert!(compiled(runs.clone(), "?").await.is_err());
        assert_eq!(runs.count(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_handle_acts_on_an_entry_without_serde() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        assert!(model(&runs, 1).cache_entry().peek().await.unwrap().is_none());
        let given: Arc<dyn Model> = Arc::new(Fixed(100));
        model(&runs, 1).cache_entry().put(given).await.unwrap();
        assert_eq!(model(&runs, 1).await.answer(), 100);
        assert_eq!(model(&runs, 1).cache_entry().refresh().await.unwrap().answer(), 1);
        model(&runs, 1).cache_entry().invalidate().await.unwrap();
        assert!(model(&runs, 1).cache_entry().peek().await.unwrap().is_none());
        assert_eq!(runs.count(), 1);
    })
    .await;
}

#[cache_put(entry = model(runs, id))]
async fn replace(runs: &Counter, id: u64, answer: u64) -> Arc<dyn Model> {
    Arc::new(Fixed(answer))
}

#[tokio::test]
async fn a_value_without_serde_is_put() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        model(&runs, 1).await;
        replace(&runs, 1, 50).await;
        assert_eq!((model(&runs, 1).await.answer(), runs.count()), (50, 1));
    })
    .await;
}

/// An argument without serde, whose `Hash` does not tell all values apart.
#[derive(Clone, PartialEq, Eq)]
struct Route {
    path: String,
    method: Method,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Method {
    Get,
    Post,
}

impl Hash for Route {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.path.hash(state);
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

fn route(path: &str, method: Method) -> Route {
    Route { path: path.to_owned(), method }
}

#[cached(ttl = "1m", key_prefix = "routed", tier = "memory", skip(runs))]
async fn routed(runs: &Counter, route: &Route, owned: Method, list: &[Method], n: u64) -> String {
    runs.hit();
    format!("{route} {n} {} {}", owned as u8, list.len())
}

#[tokio::test]
async fn arguments_without_serde_are_told_apart_by_their_eq() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        for _ in 0..2 {
            let (get, post) = (route("/", Method::Get), route("/", Method::Post));
            routed(&runs, &get, Method::Get, &[], 1).await;
            routed(&runs, &post, Method::Get, &[], 1).await;
            routed(&runs, &get, Method::Post, &[], 1).await;
            routed(&runs, &get, Method::Get, &[Method::Get], 1).await;
            routed(&runs, &get, Method::Get, &[Method::Post], 1).await;
            assert_eq!(routed(&runs, &get, Method::Get, &[], 2).await, "/ 2 0 0");
        }
        assert_eq!(runs.count(), 6);
    })
    .await;
}

#[cache_invalidate(entry = routed(runs, route, Method::Get, &[], 1))]
async fn reroute(runs: &Counter, route: &Route) {}

#[tokio::test]
async fn the_entry_of_such_arguments_is_invalidated() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        let (root, other) = (route("/", Method::Get), route("/other", Method::Get));
        routed(&runs, &root, Method::Get, &[], 1).await;
        routed(&runs, &other, Method::Get, &[], 1).await;
        reroute(&runs, &root).await;
        routed(&runs, &other, Method::Get, &[], 1).await;
        assert_eq!(runs.count(), 2);
        routed(&runs, &root, Method::Get, &[], 1).await;
        assert_eq!(runs.count(), 3);
    })
    .await;
}

#[cached(ttl = "1m", tier = "memory", key = (route.clone(), n / 10))]
async fn by_value(runs: &Counter, route: Route, n: u64) -> usize {
    runs.hit()
}

#[tokio::test]
async fn a_key_expression_needs_no_serde() {
    let runs = Counter::new();
    for (path, n, load) in [("/", 1, 1), ("/", 9, 1), ("/", 10, 2), ("/a", 10, 3), ("/", 2, 1)] {
        assert_eq!(by_value(&runs, route(path, Method::Get), n).await, load);
    }
    assert_eq!(by_value(&runs, route("/", Method::Post), 1).await, 4);
}

struct Templates {
    runs: Counter,
}

impl Templates {
    #[cached(ttl = "1m", tier = "memory", skip(self))]
    async fn of<T, K>(&self, value: T, key: &K) -> (T, &'static str)
    where
        T: Hash + Eq + MemoryValue,
        K: Hash + Eq + MemoryValue,
    {
        self.runs.hit();
        (value, "static")
    }
}

#[tokio::test]
async fn type_parameters_need_no_serde() {
    on_each_store(async |_: TestCache| {
        let templates = Templates { runs: Counter::new() };
        for _ in 0..2 {
            assert!(templates.of(Method::Get, &Method::Post).await.0 == Method::Get);
            assert_eq!(templates.of(7_u8, &Method::Post).await, (7, "static"));
            assert_eq!(templates.of(7_u16, &Method::Post).await, (7, "static"));
        }
        assert_eq!(templates.runs.count(), 3);
    })
    .await;
}

#[cached(ttl = "1m", tier = "memory", weight = |text| text.0.len(), skip(runs))]
async fn weighed(runs: &Counter, id: u64) -> Text {
    runs.hit();
    Text(Arc::from("x".repeat(100_000)))
}

#[derive(Clone)]
struct Text(Arc<str>);

#[cached(ttl = "1m", tier = "memory", skip(runs))]
async fn seen(runs: &Counter, id: u64) -> Arc<[Method]> {
    runs.hit();
    Arc::from(vec![Method::Get; 100_000])
}

/// Returns the bytes that one more entry takes.
async fn weight_of<T>(manager: &CacheManager, call: impl Future<Output = T>) -> u64 {
    let before = manager.stats().bytes;
    cache_runtime::with(manager, call).await;
    manager.stats().bytes - before
}

#[cached(ttl = "1m", tier = "memory", skip(runs))]
async fn borrowed(runs: &Counter, id: usize) -> Option<(&'static str, Vec<&'static [u8]>)> {
    runs.hit();
    Some((["zero", "one"].get(id)?, vec![b"bytes"]))
}

#[cache_put(entry = borrowed(runs, id))]
async fn borrow_another(runs: &Counter, id: usize) -> Option<(&'static str, Vec<&'static [u8]>)> {
    Some(("another", Vec::new()))
}

#[tokio::test]
async fn static_borrows_are_kept() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        for _ in 0..2 {
            assert_eq!(borrowed(&runs, 1).await, Some(("one", vec![&b"bytes"[..]])));
        }
        borrow_another(&runs, 1).await;
        assert_eq!(borrowed(&runs, 1).await, Some(("another", Vec::new())));
        assert_eq!(runs.count(), 1);
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "lent", key = "{id}")]
async fn lent(id: u64) -> Cow<'static, str> {
    format!("text {id}").into()
}

#[cache_put(entry = lent(id))]
async fn lend(id: u64, text: &str) -> Cow<'static, str> {
    text.to_owned().into()
}

#[cached(ttl = "1m", tier = "memory")]
async fn lent_in_memory(id: u64) -> Cow<'static, str> {
    "x".repeat(100_000).into()
}

#[tokio::test]
async fn a_static_lifetime_without_a_reference_has_serde() {
    on_each_store(async |cache: TestCache| {
        assert_eq!(lent(1).await, "text 1");
        lend(1, "put").await;
        assert_eq!(lent(1).await, "put");
        assert_eq!(cache.manager.stats().total.lossy + cache.manager.stats().total.not_stored, 0);
        assert!(weight_of(&cache.manager, lent_in_memory(1)).await > 100_000);
    })
    .await;
}

#[cached(ttl = "1m", tier = "memory", skip(runs))]
async fn large(runs: &Counter, id: u64) -> Vec<Method> {
    runs.hit();
    vec![Method::Get; 3 << 20]
}

#[tokio::test]
async fn the_limit_on_a_value_holds_without_serde() {
    let manager = CacheManager::builder().build().unwrap();
    cache_runtime::with(&manager, async {
        let runs = Counter::new();
        large(&runs, 1).await;
        large(&runs, 1).await;
        assert_eq!((runs.count(), manager.stats().total.not_stored), (2, 2));
    })
    .await;
}

#[cache_put(entry = routed(runs, first, Method::Get, &[], 1), entry = routed(runs, second, Method::Get, &[], 1))]
async fn route_both(runs: &Counter, first: &Route, second: &Route) -> String {
    "both".to_owned()
}

#[tokio::test]
async fn puts_for_arguments_of_one_hash_leave_nothing_old() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        let (get, post) = (route("/", Method::Get), route("/", Method::Post));
        routed(&runs, &get, Method::Get, &[], 1).await;
        routed(&runs, &post, Method::Get, &[], 1).await;
        route_both(&runs, &get, &post).await;
        // Both have one name, so the second put takes the first for a change that came meanwhile.
        assert_eq!(routed(&runs, &post, Method::Get, &[], 1).await, "/ 1 0 0");
        assert_eq!(routed(&runs, &get, Method::Get, &[], 1).await, "/ 1 0 0");
        assert_eq!(runs.count(), 4);
    })
    .await;
}

#[tokio::test]
async fn the_weight_of_a_value_is_declared_or_seen() {
    let manager = CacheManager::builder().build().unwrap();
    let runs = Counter::new();
    assert!((100_000..101_000).contains(&weight_of(&manager, weighed(&runs, 1)).await));
    assert!((100_000..101_000).contains(&weight_of(&manager, seen(&runs, 1)).await));
    assert!((1..1_000).contains(&weight_of(&manager, model(&runs, 1)).await));
}

#[tokio::test]
async fn another_process_invalidates_a_value_without_serde() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let runs = Counter::new();
        let first = model(&runs, 7).await;
        cache_runtime::with(&cache.peer().await, retrain()).await;
        until(async || !Arc::ptr_eq(&model(&runs, 7).await, &first)).await;
        assert_eq!(runs.count(), 2);
    })
    .await;
}
