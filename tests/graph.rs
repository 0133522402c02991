//! A program of its own, so that all its call sites, and with them its graph, are known.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::future::Future;
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use cache_runtime::{
    CacheCall as _, CacheManager, Clock, EdgeKind, Finding, Graph, GraphEdge, cache_invalidate,
    cache_put, cached, graph, with, with_blocking,
};

/// The cache of functions that are called outside of a scope.
static COUNTED: LazyLock<CacheManager> = LazyLock::new(|| CacheManager::builder().build().unwrap());

/// Runs this in a cache of its own.
async fn in_a_cache<T>(run: impl Future<Output = T>) -> T {
    with(&CacheManager::builder().build().unwrap(), run).await
}

#[allow(dead_code, reason = "a mutation is known without a call")]
mod shop {
    use super::*;

    #[cached(ttl = "1m", key_prefix = "price", key = "{article}")]
    pub(super) async fn price(article: u64) -> u64 {
        article * 100
    }

    #[cached(ttl = "1m", key_prefix = "offer", key = "{article}")]
    pub(super) async fn offer(article: u64) -> u64 {
        price(article).await + 1
    }

    #[cached(ttl = "1m", tags = ["price:{article}"])]
    pub(super) async fn label(article: u64) -> String {
        format!("{} cents", price(article).await)
    }

    #[cached(ttl = "1m", key_prefix = "page", key = "{article}")]
    pub(super) async fn page(article: u64) -> String {
        format!("{} {}", label(article).await, offer(article).await)
    }

    #[cache_invalidate(prefix = "price:{article}")]
    pub(super) async fn change_price(article: u64) {
        _ = article;
    }

    #[cache_put(entry = price(article))]
    pub(super) async fn set_price(article: u64, to: u64) -> u64 {
        _ = article;
        to
    }
}

mod counted {
    use super::*;

    #[cached(ttl = "1m", manager = &COUNTED)]
    pub(super) async fn rate() -> u64 {
        2
    }

    #[cached(ttl = "1m", manager = &COUNTED)]
    pub(super) async fn converted(amount: u64) -> u64 {
        amount * rate().await
    }

    #[cached(ttl = "1m", manager = &COUNTED)]
    pub(super) fn blocking_rate() -> u64 {
        2
    }

    #[cached(ttl = "1m", manager = &COUNTED)]
    pub(super) fn blocking_converted(amount: u64) -> u64 {
        amount * blocking_rate()
    }
}

mod many {
    use super::*;

    #[cached(ttl = "1m", key_prefix = "stock", key = "{id}", each(id in ids))]
    pub(super) async fn stocks(ids: Vec<u64>) -> Vec<u64> {
        let factor = factor().await;
        ids.iter().map(|id| id * factor).collect()
    }

    #[cached(ttl = "1m")]
    pub(super) async fn factor() -> u64 {
        3
    }

    #[cached(ttl = "1m", key_prefix = "sum")]
    pub(super) async fn sum_of_stocks(ids: Vec<u64>) -> u64 {
        stocks(ids).await.into_iter().sum()
    }

    #[cached(ttl = "1m", key_prefix = "single", key = "{id}")]
    pub(super) async fn single(id: u64) -> u64 {
        id
    }

    #[cached(entry = single(id), each(id in ids))]
    pub(super) async fn all_singles(ids: Vec<u64>) -> Vec<u64> {
        let factor = factor().await;
        ids.iter().map(|id| id * factor).collect()
    }

    #[cached(ttl = "1m", key_prefix = "sum-of-singles")]
    pub(super) async fn sum_of_singles(ids: Vec<u64>) -> u64 {
        all_singles(ids).await.into_iter().sum()
    }
}

mod elsewhere {
    use super::*;

    #[cached(ttl = "1m")]
    pub(super) fn thing() -> u64 {
        1
    }

    #[cached(ttl = "1m", key_prefix = "refreshed", stale_while_revalidate = "1h")]
    pub(super) fn refreshed() -> u64 {
        thing()
    }

    #[cached(ttl = "1m", key_prefix = "detached", detached = true)]
    pub(super) async fn detached() -> u64 {
        thing()
    }
}

mod requests {
    use super::*;

    #[cached(ttl = "1m")]
    pub(super) async fn fetched() -> u64 {
        1
    }

    #[cached(ttl = "1m")]
    pub(super) async fn changed() -> u64 {
        1
    }

    #[cached(ttl = "1m")]
    pub(super) async fn outer(n: u64) -> u64 {
        changed().cache_entry().invalidate().await.unwrap();
        changed().cache_entry().put(n).await.unwrap();
        fetched().cache_entry().fetch().await.unwrap().value
    }
}

/// An edge by the names of its functions.
fn named<'g>(graph: &'g Graph, edge: &'g GraphEdge) -> (&'g str, &'g EdgeKind, &'g str) {
    let [from, to] = [edge.from, edge.to].map(|place| graph.functions[place].location.function);
    (from, &edge.kind, to)
}

/// Returns the functions that were seen to be called by this one, with the number of calls.
fn calls_of(outer: &str) -> Vec<(String, u64)> {
    let graph = graph();
    let calls = graph.edges.iter().filter_map(|edge| match named(&graph, edge) {
        (from, EdgeKind::Calls { count, .. }, to) if from == outer => Some((to.to_owned(), *count)),
        _ => None,
    });
    calls.collect()
}

fn once(functions: &[&str]) -> Vec<(String, u64)> {
    functions.iter().map(|function| ((*function).to_owned(), 1)).collect()
}

#[test]
fn mutations_are_connected_to_what_they_reach_and_by_what() {
    let graph = graph();
    let edges = graph.edges.iter().map(|edge| named(&graph, edge));
    let mutations = edges.filter_map(|(from, kind, to)| match kind {
        EdgeKind::Invalidates { by, .. } => Some((from, "invalidates", to, by)),
        EdgeKind::Puts { by, .. } => Some((from, "puts", to, by)),
        _ => None,
    });
    let by = |(from, kind, to, by): (_, _, _, &Vec<cache_runtime::Reach>)| {
        assert_eq!(by.len(), 1, "{by:?}");
        (from, kind, to, by[0].option, by[0].text)
    };
    let expected = [
        ("change_price", "invalidates", "label", "prefix", "price:{article}"),
        ("change_price", "invalidates", "price", "prefix", "price:{article}"),
        ("set_price", "puts", "price", "entry", "price(article)"),
    ];
    assert_eq!(mutations.map(by).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_function_is_connected_to_those_that_its_body_calls_and_only_to_those() {
    in_a_cache(shop::page(1)).await;
    let called = |outer| calls_of(outer).into_iter().map(|(inner, _)| inner).collect::<Vec<_>>();
    assert_eq!(called("page"), ["label", "offer"]);
    assert_eq!((called("label"), called("offer")), (vec!["price".to_owned()], called("label")));
    assert_eq!(called("price"), [""; 0]);
}

#[tokio::test]
async fn an_invalidation_that_reaches_an_inner_function_alone_is_a_finding() {
    in_a_cache(shop::page(2)).await;
    let found = cache_runtime::audit().into_iter().filter_map(|finding| match finding {
        Finding::NotPassedOn { site, option, name, inner, outer, .. } => {
            Some((site.function, option, name, inner.function, outer.function))
        }
        _ => None,
    });
    let expected = [
        ("change_price", "prefix", "price:{article}", "price", "offer"),
        ("change_price", "prefix", "price:{article}", "label", "page"),
    ];
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

/// R8: hits are seen only in the first bodies of a function, and then in some.
#[tokio::test]
async fn calls_that_memory_answers_are_seen_in_some_bodies() {
    counted::rate().await;
    for (amount, seen) in [(15, 15), (16, 16), (64, 16), (65, 17), (128, 17), (129, 18)] {
        for amount in 1..=amount {
            counted::converted(amount).await;
        }
        assert_eq!(calls_of("converted"), [("rate".to_owned(), seen)], "{amount}");
    }
}

#[test]
fn calls_of_functions_that_are_not_async_are_seen() {
    counted::blocking_rate();
    for amount in 0..20 {
        counted::blocking_converted(amount);
    }
    assert_eq!(calls_of("blocking_converted"), [("blocking_rate".to_owned(), 16)]);
}

#[test]
fn calls_of_a_body_on_a_thread_of_its_own_are_seen() {
    let (clock, builder) = (Clock::mock(), CacheManager::builder());
    let manager = builder.clock(clock.clone()).build().unwrap();
    with_blocking(&manager, || {
        elsewhere::refreshed();
        clock.advance(Duration::from_secs(90));
        elsewhere::thing();
        elsewhere::refreshed();
        // The thread ends by itself: it can only be asked again.
        while manager.stats().background_loads > 0 {
            thread::yield_now();
        }
    });
    assert_eq!(calls_of("refreshed"), [("thing".to_owned(), 2)]);
}

#[tokio::test]
async fn calls_of_a_body_in_a_task_of_its_own_are_seen() {
    in_a_cache(async {
        elsewhere::thing();
        elsewhere::detached().await;
    })
    .await;
    assert_eq!(calls_of("detached"), once(&["thing"]));
}

#[tokio::test]
async fn functions_of_many_keys_call_and_are_called() {
    in_a_cache(async {
        many::sum_of_stocks(vec![1, 2]).await;
        many::sum_of_stocks(vec![1, 2, 3]).await;
        many::sum_of_singles(vec![1, 2]).await;
    })
    .await;
    // Each id is a call.
    assert_eq!(calls_of("sum_of_stocks"), [("stocks".to_owned(), 5)]);
    assert_eq!(calls_of("stocks"), [("factor".to_owned(), 2)]);
    // The entries are those of another function, and so are the calls of the body that fills them.
    assert_eq!(calls_of("sum_of_singles"), [("single".to_owned(), 2)]);
    assert_eq!(calls_of("single"), once(&["factor"]));
}

#[tokio::test]
async fn an_entry_that_is_changed_is_not_read() {
    in_a_cache(requests::outer(7)).await;
    assert_eq!(calls_of("outer"), once(&["fetched"]));
}
