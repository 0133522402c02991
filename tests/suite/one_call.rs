//! Acting on the entry of one call, for every kind of function.

use std::time::Duration;

use cache_runtime::{CacheCall as _, CacheConfig, CacheEntry, Error, Source as From, cached};
use tracing::{Instrument as _, instrument};

use crate::log::Log;
use crate::source::Source;
use crate::stores::{Store, TestCache, in_time, on_each_store, on_stores};

#[cached(ttl = "1m", key_prefix = "video", skip(source), tags = ["team:{team}"])]
async fn plain(source: &Source, id: u64, team: &str) -> u64 {
    id * 100 + source.read().await
}

#[cached(ttl = "1m", skip(source))]
async fn fallible(source: &Source, id: u64) -> Result<u64, String> {
    match source.read().await {
        0 => Err("zero".into()),
        value => Ok(id * 100 + value),
    }
}

#[cached(ttl = "1m", key_prefix = "template", key = "{id}")]
async fn named(source: &Source, id: u64) -> u64 {
    id * 100 + source.read().await
}

#[cached(ttl = "1m", skip(source))]
async fn generic<T: std::fmt::Display + serde::Serialize>(source: &Source, id: T) -> String {
    format!("{id}{}", source.read().await)
}

#[cached(ttl = "1m", skip(source), cache_if = |value| *value < 1_000, bypass_if = id == 7)]
async fn choosy(source: &Source, id: u64) -> u64 {
    id * 100 + source.read().await
}

/// Each call bypasses the cache or not, and all have one entry.
#[cached(ttl = "1m", key_prefix = "draft", key = "{id}", bypass_if = draft)]
async fn page(source: &Source, id: u64, draft: bool) -> u64 {
    _ = draft;
    id * 100 + source.read().await
}

#[cached(ttl = Duration::ZERO, skip(source))]
async fn without_a_ttl(source: &Source) -> u64 {
    source.read().await
}

struct Service(Source);

trait Native {
    async fn native(&self, id: u64) -> u64;
}

#[async_trait::async_trait]
trait Boxed {
    async fn boxed(&self, id: u64) -> u64;
    async fn uncached(&self, id: u64) -> u64;
}

impl Service {
    #[cached(ttl = "1m", skip(self))]
    async fn method(&self, id: u64) -> u64 {
        id * 100 + self.0.read().await
    }
}

impl Native for Service {
    #[cached(ttl = "1m", skip(self))]
    async fn native(&self, id: u64) -> u64 {
        id * 100 + self.0.read().await
    }
}

#[async_trait::async_trait]
impl Boxed for Service {
    #[cached(ttl = "1m", skip(self))]
    async fn boxed(&self, id: u64) -> u64 {
        id * 100 + self.0.read().await
    }

    async fn uncached(&self, id: u64) -> u64 {
        self.boxed(id).await
    }
}

/// Every deed on one entry, in an order in which each is seen by the next.
async fn every_deed<F>(source: &Source, call: impl Fn() -> F)
where
    F: Future<Output = u64>,
{
    let entry = || -> CacheEntry<F> { call().cache_entry() };
    source.set(1);
    let before = source.reads();
    let reads = || source.reads() - before;
    assert_eq!(entry().peek().await.unwrap(), None);
    assert_eq!(reads(), 0);
    assert_eq!(entry().fetch().await.unwrap().source, From::Load);
    assert_eq!(call().await, 101);
    assert_eq!(entry().peek().await.unwrap(), Some(101));
    assert_eq!(reads(), 1);

    source.set(2);
    assert_eq!(entry().bypass().await.unwrap(), 102);
    assert_eq!(call().await, 101);
    assert_eq!(reads(), 2);
    assert_eq!(entry().refresh().await.unwrap(), 102);
    assert_eq!(call().await, 102);
    assert_eq!(reads(), 3);

    entry().put(5).await.unwrap();
    assert_eq!(call().await, 5);
    assert_eq!(reads(), 3);
    entry().invalidate().await.unwrap();
    assert_eq!(entry().peek().await.unwrap(), None);
    assert_eq!(call().await, 102);
    assert_eq!(reads(), 4);

    let name = entry().name().unwrap();
    let cache = cache_runtime::cache();
    assert_eq!(cache.get(&name).await.unwrap(), Some(102_u64), "{name}");
    cache.delete(&name).await.unwrap();
    assert_eq!(entry().peek().await.unwrap(), None);
}

#[tokio::test]
async fn every_deed_works_on_every_kind_of_function() {
    on_each_store(async |_: TestCache| {
        let source = &Source::new(1);
        let service = Service(source.clone());
        let dynamic: &(dyn Boxed + Sync) = &service;
        every_deed(source, || plain(source, 1, "red")).await;
        every_deed(source, || named(source, 1)).await;
        every_deed(source, || service.method(1)).await;
        every_deed(source, || service.native(1)).await;
        every_deed(source, || service.boxed(1)).await;
        every_deed(source, || dynamic.boxed(1)).await;
        every_deed(source, || Box::pin(plain(source, 2 - 1, "blue"))).await;
    })
    .await;
}

#[cached(ttl = "1m", skip(source))]
#[instrument(skip_all)]
async fn span_around_calls(source: &Source, id: u64) -> u64 {
    id * 100 + source.read().await
}

#[instrument(skip_all)]
#[cached(ttl = "1m", skip(source))]
async fn span_around_loads(source: &Source, id: u64) -> u64 {
    id * 100 + source.read().await
}

#[async_trait::async_trait]
trait Traced {
    async fn around_calls(&self, id: u64) -> u64;
    async fn around_loads(&self, id: u64) -> u64;
    async fn around_another_call(&self, id: u64) -> u64;
}

#[async_trait::async_trait]
impl Traced for Service {
    #[cached(ttl = "1m", skip(self))]
    #[instrument(skip_all)]
    async fn around_calls(&self, id: u64) -> u64 {
        id * 100 + self.0.read().await
    }

    #[instrument(skip_all)]
    #[cached(ttl = "1m", skip(self))]
    async fn around_loads(&self, id: u64) -> u64 {
        id * 100 + self.0.read().await
    }

    #[instrument(skip_all)]
    async fn around_another_call(&self, id: u64) -> u64 {
        self.boxed(id).await
    }
}

/// A span that is not wanted and one that is are not the same future.
#[tokio::test]
async fn every_deed_works_on_calls_within_a_span() {
    for is_wanted in [false, true] {
        let _capture = is_wanted.then(Log::capture);
        on_each_store(async |_: TestCache| {
            let source = &Source::new(1);
            let service = Service(source.clone());
            let span = || tracing::info_span!("directly");
            every_deed(source, || span_around_calls(source, 1)).await;
            every_deed(source, || span_around_loads(source, 1)).await;
            every_deed(source, || service.around_calls(1)).await;
            every_deed(source, || service.around_loads(1)).await;
            every_deed(source, || plain(source, 1, "red").instrument(span())).await;
            every_deed(source, || service.boxed(1).instrument(span())).await;
        })
        .await;
    }
}

/// As documented: what an ordinary function makes at once and boxes again passes for the call in it.
#[tokio::test]
async fn a_boxed_call_in_another_box_passes_for_the_call() {
    type BoxedCall<'a> = std::pin::Pin<Box<dyn Future<Output = u64> + Send + 'a>>;

    fn passed_on(service: &Service) -> BoxedCall<'_> {
        service.boxed(1)
    }

    fn boxed_again(service: &Service) -> BoxedCall<'_> {
        let call = service.boxed(1);
        Box::pin(async move { call.await + 1 })
    }

    on_each_store(async |_: TestCache| {
        let source = &Source::new(1);
        let service = Service(source.clone());
        every_deed(source, || passed_on(&service)).await;
        service.boxed(1).await;
        assert_eq!(boxed_again(&service).cache_entry().fetch().await.unwrap().value, 103);
        boxed_again(&service).cache_entry().invalidate().await.unwrap();
        assert_eq!(service.boxed(1).cache_entry().peek().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn each_type_parameter_has_its_own_entry() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(1);
        generic(&source, 7_u8).await;
        assert_eq!(generic(&source, 7_u16).cache_entry().peek().await.unwrap(), None);
        let entry = generic(&source, 7_u8).cache_entry();
        assert_eq!(entry.peek().await.unwrap().as_deref(), Some("71"));
    })
    .await;
}

#[tokio::test]
async fn a_fetch_says_where_the_value_came_from_and_how_old_it_is() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let stored = match cache.store.asks_redis_each_time() {
            true => From::Redis,
            false => From::Memory,
        };
        let fetch = async || plain(&source, 1, "red").cache_entry().fetch().await.unwrap();
        let first = fetch().await;
        assert_eq!((first.value, first.source, first.age), (101, From::Load, Duration::ZERO));
        cache.clock.advance(Duration::from_secs(7));
        let second = fetch().await;
        assert_eq!((second.value, second.source, second.stale), (101, stored, false));
        let age = second.age.as_millis();
        assert!((6_500..9_000).contains(&age), "{age} ms");
    })
    .await;
}

#[tokio::test]
async fn who_waited_for_anothers_load_is_told_so() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let first = {
            let source = source.clone();
            cache.spawn(async move { plain(&source, 1, "red").await })
        };
        hold.reached().await;
        let fetch = plain(&source, 1, "red").cache_entry().fetch();
        let (fetched, ()) = tokio::join!(fetch, async {
            tokio::task::yield_now().await;
            hold.release();
        });
        let fetched = fetched.unwrap();
        assert_eq!((fetched.value, fetched.source), (101, From::Shared));
        assert_eq!(first.await.unwrap(), 101);
        assert_eq!(source.reads(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_error_of_the_body_is_in_the_output_and_not_stored() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(0);
        let entry = || fallible(&source, 1).cache_entry();
        assert_eq!(entry().refresh().await.unwrap(), Err("zero".into()));
        assert_eq!(entry().fetch().await.unwrap().value, Err("zero".into()));
        assert_eq!(entry().bypass().await.unwrap(), Err("zero".into()));
        assert_eq!(entry().peek().await.unwrap(), None);
        entry().put(5).await.unwrap();
        assert_eq!(fallible(&source, 1).await, Ok(5));
        // A refresh that fails leaves what is there.
        assert_eq!(entry().refresh().await.unwrap(), Err("zero".into()));
        assert_eq!(fallible(&source, 1).await, Ok(5));
    })
    .await;
}

#[tokio::test]
async fn what_the_function_does_not_store_is_not_put() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(1);
        let entry = |id| choosy(&source, id).cache_entry();
        entry(1).put(5).await.unwrap();
        let refused = entry(1).put(1_000).await.unwrap_err();
        assert!(matches!(refused, Error::NotStored { .. }), "{refused}");
        // What was there is older than what was refused.
        assert_eq!(entry(1).peek().await.unwrap(), None);

        cache_runtime::cache().invalidate_prefix("choosy").await.unwrap();
        let refused = entry(7).put(5).await.unwrap_err();
        assert!(matches!(refused, Error::NotStored { .. }), "{refused}");
        assert_eq!(entry(7).refresh().await.unwrap(), 701);
        assert_eq!(entry(7).fetch().await.unwrap().source, From::Load);
        assert_eq!(entry(7).peek().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_put_into_a_bypassed_call_leaves_nothing() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(1);
        page(&source, 1, false).await;
        let refused = page(&source, 1, true).cache_entry().put(5).await.unwrap_err();
        assert!(matches!(refused, Error::NotStored { .. }), "{refused}");
        assert!(refused.to_string().contains("`bypass_if` is true"), "{refused}");
        assert_eq!(page(&source, 1, false).cache_entry().peek().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_function_that_is_switched_off_is_past_the_cache_whatever_is_asked_of_it() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        plain(&source, 1, "red").await;
        let path = format!("{}::plain", module_path!());
        cache.manager.set_enabled(&path, false).unwrap();
        source.set(2);
        let entry = || plain(&source, 1, "red").cache_entry();
        let fetched = entry().fetch().await.unwrap();
        assert_eq!((fetched.value, fetched.source), (102, From::Load));
        assert_eq!(entry().refresh().await.unwrap(), 102);
        assert_eq!(entry().peek().await.unwrap(), None);
        let refused = entry().only_if_cached().fetch().await.unwrap_err();
        assert!(matches!(refused, Error::NotCached { .. }), "{refused}");
        // Nothing of this was stored, and what was there before is there again.
        cache.manager.set_enabled(&path, true).unwrap();
        assert_eq!(entry().peek().await.unwrap(), Some(101));

        cache.manager.set_enabled(&path, false).unwrap();
        let refused = entry().put(5).await.unwrap_err();
        assert!(refused.to_string().contains("switched off"), "{refused}");
        entry().invalidate().await.unwrap();
        cache.manager.set_enabled(&path, true).unwrap();
        assert_eq!(entry().peek().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn an_entry_without_a_ttl_is_refused_with_what_the_expression_gave() {
    on_stores(&[Store::Memory], async |_: TestCache| {
        let source = Source::new(1);
        let refused = without_a_ttl(&source).cache_entry().fetch().await.unwrap_err();
        let expected = "its `ttl` expression returned 0s; expected 1ms to 100 years";
        assert!(refused.to_string().ends_with(expected), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn a_refresh_during_which_the_entry_is_invalidated_is_not_stored() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        plain(&source, 1, "red").await;
        let hold = source.hold();
        let refresh = {
            let source = source.clone();
            cache.spawn(async move { plain(&source, 1, "red").cache_entry().refresh().await })
        };
        hold.reached().await;
        // Others go on with what is there.
        assert_eq!(plain(&source, 1, "red").await, 101);
        source.set(2);
        cache.manager.invalidate_tag("team:red").await.unwrap();
        hold.release();
        assert_eq!(refresh.await.unwrap().unwrap(), 101);
        assert_eq!(plain(&source, 1, "red").await, 102);
    })
    .await;
}

#[tokio::test]
async fn a_refresh_wins_over_an_older_load() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let older = {
            let source = source.clone();
            cache.spawn(async move { plain(&source, 1, "red").await })
        };
        hold.reached().await;
        source.set(2);
        assert_eq!(plain(&source, 1, "red").cache_entry().refresh().await.unwrap(), 102);
        hold.release();
        assert_eq!(older.await.unwrap(), 101);
        assert_eq!(plain(&source, 1, "red").await, 102);
    })
    .await;
}

#[tokio::test]
async fn who_keeps_a_call_can_ask_it_and_then_await_it() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(1);
        let asked = async |id| {
            let mut call = Box::pin(plain(&source, id, "red"));
            let peeked = (&mut call).cache_entry().peek().await.unwrap();
            match peeked {
                Some(value) => value,
                None => call.await,
            }
        };
        assert_eq!((asked(1).await, asked(1).await, source.reads()), (101, 101, 1));

        let mut call = Box::pin(plain(&source, 2, "red"));
        (&mut call).cache_entry().put(7).await.unwrap();
        assert_eq!(call.await, 7);

        let mut call = Box::pin(choosy(&source, 7));
        (&mut call).cache_entry().put(8).await.unwrap_err();
        assert_eq!(call.await, 701);
    })
    .await;
}

/// A call that runs inside a request to another future is not addressed by it, and goes on.
#[tokio::test]
async fn a_question_to_something_else_leaves_the_calls_in_it_as_they_are() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(1);
        let mut outer = Box::pin(async { plain(&source, 1, "red").await + 1 });
        let error = (&mut outer).cache_entry().peek().await.unwrap_err();
        assert!(matches!(error, Error::NotACachedCall { .. }), "{error}");
        assert_eq!(outer.await, 102);
    })
    .await;
}

#[tokio::test]
async fn a_refresh_is_not_stored_over_a_load_that_came_later() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let refresh = {
            let source = source.clone();
            cache.spawn(async move { plain(&source, 1, "red").cache_entry().refresh().await })
        };
        hold.reached().await;
        source.set(2);
        assert_eq!(plain(&source, 1, "red").await, 102);
        hold.release();
        assert_eq!(refresh.await.unwrap().unwrap(), 101);
        let there = plain(&source, 1, "red").cache_entry().peek().await.unwrap();
        assert_ne!(there, Some(101));
    })
    .await;
}

/// In Redis the entry must be there until the refresh is stored over it.
#[tokio::test]
async fn a_refresh_may_outlast_the_entry() {
    #[cached(ttl = "50ms", key_prefix = "short", key = "{id}")]
    async fn short(source: &Source, id: u64) -> u64 {
        id * 100 + source.read().await
    }

    let system = |config: CacheConfig| config;
    for store in Store::INTENDED {
        let cache = TestCache::new(store, system).await;
        let source = Source::new(1);
        let test = async {
            short(&source, 1).await;
            source.set(2);
            let hold = source.hold();
            let refresh = {
                let source = source.clone();
                cache.spawn(async move { short(&source, 1).cache_entry().refresh().await })
            };
            hold.reached().await;
            // Longer than the entry lives by the server's own clock.
            tokio::time::sleep(Duration::from_millis(80)).await;
            hold.release();
            assert_eq!(refresh.await.unwrap().unwrap(), 102);
            let there = short(&source, 1).cache_entry().peek().await.unwrap();
            assert_eq!(there, Some(102), "{store:?}");
        };
        cache_runtime::with(&cache.manager, test).await;
    }
}

#[tokio::test]
async fn a_value_that_is_older_than_requested_is_loaded_again() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let at_most = async |seconds| {
            let entry = plain(&source, 1, "red").cache_entry();
            entry.max_age(Duration::from_secs(seconds)).fetch().await.unwrap()
        };
        assert_eq!(at_most(10).await.value, 101);
        source.set(2);
        cache.clock.advance(Duration::from_secs(5));
        assert_eq!(at_most(10).await.value, 101);
        let peek = plain(&source, 1, "red").cache_entry().max_age(Duration::from_secs(2)).peek();
        assert_eq!(peek.await.unwrap(), None);
        let loaded = at_most(2).await;
        assert_eq!((loaded.value, loaded.source), (102, From::Load));
        assert_eq!(plain(&source, 1, "red").await, 102);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_cached_is_an_error_if_it_must_be() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let cached = async || plain(&source, 1, "red").cache_entry().only_if_cached().fetch().await;
        let error = cached().await.unwrap_err();
        assert!(matches!(error, Error::NotCached { .. }), "{error}");
        assert_eq!(source.reads(), 0);
        plain(&source, 1, "red").await;
        assert_eq!(cached().await.unwrap().value, 101);
        let total = cache.manager.stats().total;
        assert_eq!((total.hits(), total.misses), (1, 2));
    })
    .await;
}

mod not_its_own {
    //! Futures that are not cached calls, and must not pass for the cached calls in them.

    use super::*;

    async fn wrapper(source: &Source) -> u64 {
        plain(source, 1, "red").await
    }

    async fn after_a_suspension(source: &Source) -> u64 {
        tokio::task::yield_now().await;
        plain(source, 1, "red").await
    }

    #[instrument(skip_all)]
    async fn within_a_span(source: &Source) -> u64 {
        plain(source, 1, "red").await
    }

    fn made_later(source: &Source) -> std::pin::Pin<Box<dyn Future<Output = u64> + Send + '_>> {
        let service = Service(source.clone());
        Box::pin(async move { service.boxed(1).await })
    }

    /// Neither deed touches the entry, nor runs the cached body.
    async fn is_refused<F: Future<Output = u64>>(source: &Source, call: impl Fn() -> F) {
        let reads = source.reads();
        let entry = || call().cache_entry();
        let errors = [
            entry().invalidate().await.unwrap_err(),
            entry().peek().await.unwrap_err(),
            entry().put(7).await.unwrap_err(),
            entry().refresh().await.unwrap_err(),
            entry().bypass().await.unwrap_err(),
            entry().fetch().await.unwrap_err(),
            entry().name().unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, Error::NotACachedCall { .. }), "{error}");
        }
        assert_eq!(source.reads(), reads);
    }

    #[tokio::test]
    async fn they_are_refused() {
        on_each_store(async |_: TestCache| {
            let source = &Source::new(1);
            let service = Service(source.clone());
            plain(source, 1, "red").await;
            service.boxed(1).await;
            is_refused(source, || wrapper(source)).await;
            is_refused(source, || after_a_suspension(source)).await;
            is_refused(source, || async { plain(source, 1, "red").await }).await;
            is_refused(source, || std::future::ready(1)).await;
            is_refused(source, std::future::pending).await;
            is_refused(source, || Box::pin(wrapper(source))).await;
            is_refused(source, || -> std::pin::Pin<Box<dyn Future<Output = u64>>> {
                let source = source.clone();
                Box::pin(async move { plain(&source, 1, "red").await })
            })
            .await;
            is_refused(source, || made_later(source)).await;
            is_refused(source, || service.uncached(1)).await;
            is_refused(source, || within_a_span(source)).await;
            is_refused(source, || service.around_another_call(1)).await;
            let peeked = plain(source, 1, "red").cache_entry().peek().await.unwrap();
            assert_eq!(peeked, Some(101));
        })
        .await;
    }

    /// A function whose body requests something else of calls of its own.
    #[cached(ttl = "1m", skip(source))]
    async fn outer(source: &Source, id: u64) -> Option<u64> {
        let inner = plain(source, id, "red").cache_entry().peek().await.unwrap();
        let again = async { plain(source, id, "red").await }.await;
        inner.or(Some(again))
    }

    #[tokio::test]
    async fn nested_calls_see_nothing_of_what_is_asked() {
        on_each_store(async |_: TestCache| {
            let source = Source::new(1);
            assert_eq!(outer(&source, 1).cache_entry().refresh().await.unwrap(), Some(101));
            assert_eq!(source.reads(), 1);
            outer(&source, 1).cache_entry().invalidate().await.unwrap();
            assert_eq!(plain(&source, 1, "red").await, 101);
            assert_eq!(source.reads(), 1);
        })
        .await;
    }
}

#[tokio::test]
async fn an_entry_is_put_for_another_process_too() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let source = Source::new(1);
        let peer = cache.peer().await;
        plain(&source, 1, "red").cache_entry().put(5).await.unwrap();
        assert_eq!(cache_runtime::with(&peer, plain(&source, 1, "red")).await, 5);
        plain(&source, 1, "red").cache_entry().invalidate().await.unwrap();
        assert_eq!(cache_runtime::with(&peer, plain(&source, 1, "red")).await, 101);
    })
    .await;
}

#[tokio::test]
async fn who_wants_a_younger_value_holds_up_nobody() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(fallible(&source, 1).await, Ok(101));
        cache.clock.advance(Duration::from_secs(1));
        source.set(0);
        let (hold, held) = (source.hold(), source.clone());
        let fetch = cache.spawn(async move {
            let entry = fallible(&held, 1).cache_entry().max_age(Duration::from_secs(1));
            entry.fetch().await.unwrap().value
        });
        hold.reached().await;
        let ordinary = in_time(fallible(&source, 1)).await;
        assert_eq!(ordinary, Ok(101));
        hold.release();
        assert!(fetch.await.unwrap().is_err());
        assert_eq!(fallible(&source, 1).await, Ok(101));
    })
    .await;
}

#[tokio::test]
async fn a_refresh_does_not_lose_to_an_older_load() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let (hold, held) = (source.hold(), source.clone());
        let older = cache.spawn(async move { named(&held, 1).await });
        hold.reached().await;
        source.set(2);
        let (younger, held) = (source.hold(), source.clone());
        let refresh = cache.spawn(async move { named(&held, 1).cache_entry().refresh().await });
        younger.reached().await;
        hold.release();
        older.await.unwrap();
        younger.release();
        assert_eq!(refresh.await.unwrap().unwrap(), 102);
        assert_eq!(named(&source, 1).await, 102);
    })
    .await;
}

#[tokio::test]
async fn refreshes_that_are_asked_for_together_share_a_load_that_begins_after_all_of_them() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let refresh = |source: &Source| {
            let source = source.clone();
            cache.spawn(async move { plain(&source, 1, "red").cache_entry().refresh().await })
        };
        let first = refresh(&source);
        hold.reached().await;
        // What the first one loads is older than this.
        source.set(2);
        let others: Vec<_> = (0..49).map(|_| refresh(&source)).collect();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        hold.release();
        assert_eq!(in_time(first).await.unwrap().unwrap(), 101);
        for other in others {
            assert_eq!(in_time(other).await.unwrap().unwrap(), 102);
        }
        assert_eq!(source.reads(), 2);
        assert_eq!(plain(&source, 1, "red").await, 102, "and that is what is stored");
    })
    .await;
}

#[tokio::test]
async fn a_refresh_whose_caller_is_dropped_strands_nobody() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let refresh = |source: &Source| {
            let source = source.clone();
            cache.spawn(async move { plain(&source, 1, "red").cache_entry().refresh().await })
        };
        let first = refresh(&source);
        hold.reached().await;
        let others: Vec<_> = (0..3).map(|_| refresh(&source)).collect();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        first.abort();
        for other in others {
            assert_eq!(in_time(other).await.unwrap().unwrap(), 101);
        }
        assert!((2..=3).contains(&source.reads()), "{}", source.reads());
    })
    .await;
}
