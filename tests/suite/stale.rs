//! Values served past their TTL: while they are refreshed, when a load fails or takes too long.

use std::time::Duration;

use cache_runtime::{
    CacheCall as _, CacheConfig, CacheManager, Source as From, cache_invalidate, cached,
};
use tokio::task::yield_now;

use crate::source::{Hold, Source};
use crate::stores::{Store, TestCache, in_time, on_store, on_stores, spawn_with, until};
use crate::video::Way;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
type Loaded = Result<u64, String>;

#[cached(ttl = "1m", stale_while_revalidate = "1m", key_prefix = "swr", key = "{id}")]
async fn revalidated(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

#[cached(ttl = "1m", stale_if_error = "10m", key_prefix = "sie", key = "{id}")]
async fn if_error(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

#[cached(
    ttl = "1m",
    stale_while_revalidate = "1m",
    stale_if_error = "10m",
    load_timeout = "50ms",
    key_prefix = "all",
    key = "{id}"
)]
async fn with_all(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

#[cache_invalidate(prefix = "swr:{id}")]
async fn change(source: &Source, id: u64, value: u64) {
    source.set(value);
}

/// The data are in order unless they are 0.
async fn read(source: &Source, id: u64) -> Loaded {
    match source.read().await {
        0 => Err("no data".into()),
        value => Ok(id * 100 + value),
    }
}

/// A cache in which a call has stored 101, whose TTL is over now.
async fn gone_stale<F>(cache: &TestCache, source: &Source, call: impl Fn() -> F)
where
    F: Future<Output = Loaded>,
{
    source.set(1);
    assert_eq!(call().await, Ok(101));
    cache.clock.advance(MINUTE + SECOND);
}

#[tokio::test]
async fn a_stale_value_is_served_while_one_load_runs() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || revalidated(&source, 1)).await;
        source.set(2);
        let hold = source.hold();
        for _ in 0..10 {
            assert_eq!(revalidated(&source, 1).await, Ok(101));
        }
        hold.reached().await;
        assert_eq!(cache.manager.stats().background_loads, 1);
        hold.release();
        until(async || revalidated(&source, 1).await == Ok(102)).await;
        assert_eq!(source.reads(), 2);
        let stats = cache.manager.stats();
        assert!(stats.total.stale_served >= 10, "{stats}");
        assert_eq!((stats.total.refreshes, stats.total.loads), (1, 2));
        until(async || cache.manager.stats().background_loads == 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_fetch_says_that_a_value_is_stale() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || revalidated(&source, 1)).await;
        let hold = source.hold();
        let fetched = revalidated(&source, 1).cache_entry().fetch().await.unwrap();
        assert_eq!((fetched.value, fetched.stale), (Ok(101), true));
        assert!(fetched.age > MINUTE && fetched.source != From::Load, "{:?}", fetched.age);
        let cached = revalidated(&source, 1).cache_entry().only_if_cached().fetch().await;
        assert!(cached.unwrap().stale);
        assert_eq!(revalidated(&source, 1).cache_entry().peek().await.unwrap(), None);
        let young = revalidated(&source, 1).cache_entry().max_age(SECOND).only_if_cached();
        young.fetch().await.unwrap_err();
        hold.release();
    })
    .await;
}

#[tokio::test]
async fn beyond_its_window_a_value_is_not_served() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || revalidated(&source, 1)).await;
        cache.clock.advance(MINUTE);
        source.set(2);
        assert_eq!(revalidated(&source, 1).await, Ok(102));
        assert_eq!(cache.manager.stats().total.stale_served, 0);

        gone_stale(&cache, &source, || if_error(&source, 1)).await;
        cache.clock.advance(10 * MINUTE);
        source.set(0);
        assert_eq!(if_error(&source, 1).await, Err("no data".into()));
    })
    .await;
}

#[tokio::test]
async fn a_load_in_the_background_is_dropped_if_the_entry_is_invalidated_meanwhile() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || revalidated(&source, 1)).await;
        source.set(2);
        let hold = source.hold();
        assert_eq!(revalidated(&source, 1).await, Ok(101));
        hold.reached().await;
        change(&source, 1, 3).await;
        // Nobody is given what is stale, nor what is being loaded.
        assert_eq!(revalidated(&source, 1).await, Ok(103));
        hold.release();
        until(async || cache.manager.stats().background_loads == 0).await;
        assert_eq!(revalidated(&source, 1).await, Ok(103));
    })
    .await;
}

#[cached(
    ttl = "1m",
    stale_while_revalidate = "1m",
    key_prefix = "video:meta",
    key = "{id}",
    tags = ["team:{team}"]
)]
async fn served_meanwhile(source: &Source, id: u64, team: &str) -> Loaded {
    _ = team;
    read(source, id).await
}

#[cached(
    ttl = "1m",
    stale_if_error = "10m",
    load_timeout = "20ms",
    key_prefix = "video:meta",
    key = "{id}",
    tags = ["team:{team}"]
)]
async fn waited_for(source: &Source, id: u64, team: &str) -> Loaded {
    _ = team;
    read(source, id).await
}

/// It takes 20 ms or more, so that two seconds before its end a hundred times that is likely to be too
/// long.
#[cached(
    ttl = "1m",
    early_refresh = 100.0,
    key_prefix = "video:meta",
    key = "{id}",
    tags = ["team:{team}"]
)]
async fn renewed_early(source: &Source, id: u64, team: &str) -> Loaded {
    _ = team;
    tokio::time::sleep(Duration::from_millis(20)).await;
    read(source, id).await
}

/// A load that runs behind a value of this age, overtaken here and from another process, in every way:
/// before somebody loads again and after.
async fn overtaken_behind_a_value<F: Future<Output = Loaded>>(
    cache: &TestCache,
    age: Duration,
    call: impl Fn(Source) -> F,
) {
    let peer = cache.peer().await;
    let by = match cache.store.asks_redis_each_time() {
        true => vec![&cache.manager, &peer],
        false => vec![&cache.manager],
    };
    let every_way = by.iter().flat_map(|by| Way::ALL.map(|way| (*by, way)));
    for ((by, way), ends_first) in every_way.flat_map(|each| [(each, false), (each, true)]) {
        let source = Source::new(1);
        assert_eq!(call(source.clone()).await, Ok(701));
        cache.clock.advance(age);
        source.set(2);
        let hold = source.hold();
        until(async || {
            assert_eq!(call(source.clone()).await, Ok(701), "{way:?}");
            cache.manager.stats().background_loads == 1
        })
        .await;
        hold.reached().await;
        source.set(3);
        way.invalidate(by).await;
        if !ends_first {
            assert_eq!(call(source.clone()).await, Ok(703), "{way:?}");
        }
        hold.release();
        until(async || cache.manager.stats().background_loads == 0).await;
        assert_eq!(call(source.clone()).await, Ok(703), "{way:?}");
        way.invalidate(by).await;
        // Nor is it stale for anybody.
        source.set(0);
        assert_eq!(call(source.clone()).await, Err("no data".into()), "{way:?}");
    }
}

#[tokio::test]
async fn every_invalidation_takes_effect_during_a_refresh() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let call = async |source: Source| served_meanwhile(&source, 7, "red").await;
        overtaken_behind_a_value(&cache, MINUTE + SECOND, call).await;
    })
    .await;
}

#[tokio::test]
async fn whatever_invalidates_a_value_does_so_while_a_slow_load_goes_on() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let call = async |source: Source| waited_for(&source, 7, "red").await;
        overtaken_behind_a_value(&cache, MINUTE + SECOND, call).await;
    })
    .await;
}

#[tokio::test]
async fn whatever_invalidates_a_value_does_so_while_it_is_loaded_early() {
    for store in Store::ALL {
        // In an outage the value has its own TTL, too.
        let settings = |config: CacheConfig| config.outage_ttl(MINUTE);
        on_store(store, settings, async |cache: TestCache| {
            let call = async |source: Source| renewed_early(&source, 7, "red").await;
            overtaken_behind_a_value(&cache, MINUTE - 2 * SECOND, call).await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_load_in_the_background_is_dropped_if_the_entry_is_replaced_meanwhile() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || revalidated(&source, 1)).await;
        let hold = source.hold();
        assert_eq!(revalidated(&source, 1).await, Ok(101));
        hold.reached().await;
        revalidated(&source, 1).cache_entry().put(7).await.unwrap();
        hold.release();
        until(async || cache.manager.stats().background_loads == 0).await;
        assert_eq!(revalidated(&source, 1).await, Ok(7));
    })
    .await;
}

/// Once the value may not be served any more, callers wait for the load that runs.
#[tokio::test]
async fn who_finds_nothing_waits_for_the_load_in_the_background() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || revalidated(&source, 1)).await;
        source.set(2);
        let hold = source.hold();
        assert_eq!(revalidated(&source, 1).await, Ok(101));
        hold.reached().await;
        cache.clock.advance(MINUTE);
        let waiting = {
            let source = source.clone();
            cache.spawn(async move { revalidated(&source, 1).await })
        };
        for _ in 0..10 {
            yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        hold.release();
        assert_eq!(waiting.await.unwrap(), Ok(102));
        assert_eq!(source.reads(), 2);
    })
    .await;
}

#[tokio::test]
async fn after_a_load_in_the_background_has_failed_the_next_one_waits() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || revalidated(&source, 1)).await;
        source.set(0);
        assert_eq!(revalidated(&source, 1).await, Ok(101));
        until(async || cache.manager.stats().total.load_errors == 1).await;
        until(async || cache.manager.stats().background_loads == 0).await;
        for _ in 0..10 {
            assert_eq!(revalidated(&source, 1).await, Ok(101));
        }
        assert_eq!(source.reads(), 2);
        cache.clock.advance(SECOND);
        assert_eq!(revalidated(&source, 1).await, Ok(101));
        until(async || source.reads() == 3).await;
    })
    .await;
}

#[tokio::test]
async fn a_stale_value_is_served_when_the_load_fails() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || if_error(&source, 1)).await;
        source.set(0);
        for round in 0..5 {
            for _ in 0..10 {
                assert_eq!(if_error(&source, 1).await, Ok(101));
            }
            // The source is not asked again at each call.
            assert_eq!(source.reads(), 2 + round);
            cache.clock.advance(SECOND);
        }
        assert_eq!(cache.manager.stats().total.stale_served, 50);
        source.set(2);
        assert_eq!(if_error(&source, 1).await, Ok(102));
        assert_eq!(if_error(&source, 2).await, Ok(202));
        source.set(0);
        assert_eq!(if_error(&source, 3).await, Err("no data".into()));
    })
    .await;
}

#[tokio::test]
async fn those_who_waited_for_a_load_that_failed_are_served_what_is_stale() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || if_error(&source, 1)).await;
        source.set(0);
        let hold = source.hold();
        let callers: Vec<_> = (0..30)
            .map(|_| {
                let source = source.clone();
                cache.spawn(async move { if_error(&source, 1).await })
            })
            .collect();
        hold.reached().await;
        hold.release();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), Ok(101));
        }
        assert_eq!(source.reads(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_invalidated_value_is_not_served_when_the_load_fails() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || if_error(&source, 1)).await;
        cache.manager.invalidate_prefix("sie").await.unwrap();
        source.set(0);
        assert_eq!(if_error(&source, 1).await, Err("no data".into()));
    })
    .await;
}

/// Begins a call beyond the time in which nobody waits, so that it waits for a load.
async fn begin_waiting(
    cache: &TestCache,
    source: &Source,
) -> (tokio::task::JoinHandle<Loaded>, Hold) {
    gone_stale(cache, source, || with_all(source, 1)).await;
    cache.clock.advance(MINUTE);
    source.set(2);
    let hold = source.hold();
    let source = source.clone();
    let call = cache.spawn(async move { with_all(&source, 1).await });
    hold.reached().await;
    (call, hold)
}

#[tokio::test]
async fn a_load_that_takes_too_long_goes_on_behind_a_stale_value() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        let (call, hold) = begin_waiting(&cache, &source).await;
        assert_eq!(call.await.unwrap(), Ok(101));
        // Whoever comes later has waited long enough, too: two minutes, if each waited again.
        in_time(async {
            for _ in 0..2_400 {
                assert_eq!(with_all(&source, 1).await, Ok(101));
            }
        })
        .await;
        hold.release();
        until(async || with_all(&source, 1).await == Ok(102)).await;
        assert_eq!(source.reads(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_load_that_ends_in_time_is_waited_for() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        let (call, hold) = begin_waiting(&cache, &source).await;
        hold.release();
        assert_eq!(call.await.unwrap(), Ok(102));
    })
    .await;
}

#[tokio::test]
async fn without_a_stale_value_there_is_no_load_timeout() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let call = {
            let source = source.clone();
            cache.spawn(async move { with_all(&source, 1).await })
        };
        hold.reached().await;
        tokio::time::sleep(Duration::from_millis(120)).await;
        hold.release();
        assert_eq!(call.await.unwrap(), Ok(101));
    })
    .await;
}

/// Another manager knows the entry from Redis alone.
#[tokio::test]
async fn a_stale_value_outlives_the_process_that_stored_it() {
    on_stores(&[Store::Redis], async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || revalidated(&source, 1)).await;
        let name = revalidated(&source, 1).cache_entry().name().unwrap();
        let left = cache.server().cli::<u64>(&["PTTL", &cache.redis_key(&name)]);
        assert!((110_000..=120_000).contains(&left), "{left}: by its own clock it is new");
        _ = cache.manager.disconnect().await;
        let next = cache.peer().await;
        source.set(2);
        let call = async |source: Source| {
            spawn_with(&next, async move { revalidated(&source, 1).await }).await.unwrap()
        };
        assert_eq!(call(source.clone()).await, Ok(101));
        until(async || call(source.clone()).await == Ok(102)).await;
        assert_eq!(source.reads(), 2);
    })
    .await;
}

#[derive(Clone)]
struct Service(Source);

impl Service {
    #[cached(ttl = "1m", stale_while_revalidate = "1m", skip(self, more))]
    async fn by_reference(&self, name: &str, ids: &[u64], mut more: Vec<u64>, _: u8) -> String {
        more.push(self.0.read().await);
        format!("{name} {ids:?} {more:?}")
    }

    #[cached(ttl = "1m", stale_while_revalidate = "1m", skip(self))]
    async fn by_value<T>(self, label: T) -> u64
    where
        T: ToString + Clone + serde::Serialize + Send + 'static,
    {
        label.to_string().len() as u64 + self.0.read().await
    }

    #[cached(ttl = "1m", stale_while_revalidate = "1m", skip(self))]
    async fn in_an_arc<const N: u64>(self: std::sync::Arc<Self>, size: &u64) -> u64 {
        N * size + self.0.read().await
    }
}

#[async_trait::async_trait]
trait Read {
    async fn boxed(&self, name: &str) -> Result<String, String>;
}

#[async_trait::async_trait]
impl Read for Service {
    #[cached(ttl = "1m", stale_while_revalidate = "1m", skip(self))]
    async fn boxed(&self, name: &str) -> Result<String, String> {
        let read = read(&self.0, 1).await?;
        Ok(format!("{name}{read}"))
    }
}

/// A background refresh has its own copies of all arguments.
#[tokio::test]
async fn the_arguments_of_a_load_in_the_background_are_its_own() {
    async fn refreshed<T, F>(cache: &TestCache, source: &Source, call: impl Fn() -> F)
    where
        T: PartialEq + std::fmt::Debug,
        F: Future<Output = T>,
    {
        source.set(1);
        let first = call().await;
        cache.clock.advance(MINUTE + SECOND);
        source.set(2);
        assert_eq!(call().await, first);
        until(async || call().await != first).await;
        let stats = cache.manager.stats();
        assert_eq!((stats.total.refreshes, stats.total.loads), (1, 2));
        cache.manager.reset_stats();
    }

    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        let service = Service(source.clone());
        let by_reference = || {
            let service = &service;
            async move {
                // Gone when the load runs.
                let (name, ids) = (String::from("a"), vec![1, 2]);
                service.by_reference(&name, &ids, vec![3], 0).await
            }
        };
        refreshed(&cache, &source, by_reference).await;
        refreshed(&cache, &source, || service.clone().by_value("abc")).await;
        let shared = std::sync::Arc::new(service.clone());
        refreshed(&cache, &source, || std::sync::Arc::clone(&shared).in_an_arc::<3>(&7)).await;
        let dynamic: &(dyn Read + Sync) = &service;
        refreshed(&cache, &source, || dynamic.boxed("x")).await;
    })
    .await;
}

#[tokio::test]
async fn no_more_loads_run_in_the_background_than_allowed() {
    for store in Store::INTENDED {
        let settings = |config: CacheConfig| config.max_background_loads(1);
        on_store(store, settings, async |cache: TestCache| {
            let source = Source::new(1);
            for id in [1, 2] {
                revalidated(&source, id).await.unwrap();
            }
            cache.clock.advance(MINUTE + SECOND);
            let hold = source.hold();
            for id in [1, 2] {
                assert_eq!(revalidated(&source, id).await, Ok(id * 100 + 1));
            }
            hold.reached().await;
            assert_eq!((cache.manager.stats().background_loads, source.reads()), (1, 3));
            hold.release();
            until(async || cache.manager.stats().background_loads == 0).await;
            source.set(2);
            assert_eq!(revalidated(&source, 2).await, Ok(201));
            until(async || revalidated(&source, 2).await == Ok(202)).await;
        })
        .await;
    }
}

#[tokio::test]
async fn loads_in_the_background_end_with_the_manager() {
    /// The body of the load holds one of the source's clones.
    async fn begin(cache: &TestCache, source: &Source) -> Hold {
        gone_stale(cache, source, || revalidated(source, 1)).await;
        let hold = source.hold();
        assert_eq!(revalidated(source, 1).await, Ok(101));
        hold.reached().await;
        assert!(source.clones() > 1);
        hold
    }

    for store in Store::INTENDED {
        let source = Source::new(1);
        let cache = TestCache::new(store, |config| config).await;
        let manager = cache.manager.clone();
        let _hold = cache_runtime::with(&manager, begin(&cache, &source)).await;
        _ = manager.disconnect().await;
        until(async || source.clones() == 1).await;
        assert_eq!(manager.stats().background_loads, 0);
        // Annotated functions go on, and no load is begun for what is stale.
        if store == Store::Memory {
            let call = revalidated(&source, 1);
            assert_eq!(cache_runtime::with(&manager, call).await, Ok(101));
            assert_eq!(source.reads(), 2);
        }

        let source = Source::new(1);
        let cache = TestCache::new(store, |config| config).await;
        let manager: CacheManager = cache.manager.clone();
        let _hold = cache_runtime::with(&manager, begin(&cache, &source)).await;
        drop((cache, manager));
        until(async || source.clones() == 1).await;
    }
}

#[tokio::test]
async fn a_panic_in_the_background_is_nobodys() {
    #[cached(ttl = "1m", stale_while_revalidate = "1m", skip(source))]
    async fn fragile(source: &Source) -> u64 {
        let value = source.read().await;
        assert!(value != 0, "a panic in the background");
        value
    }

    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        fragile(&source).await;
        cache.clock.advance(MINUTE + SECOND);
        source.set(0);
        assert_eq!(fragile(&source).await, 1);
        until(async || source.reads() >= 2).await;
        until(async || cache.manager.stats().background_loads == 0).await;
        for _ in 0..100 {
            assert_eq!(fragile(&source).await, 1);
            yield_now().await;
        }
        assert_eq!(source.reads(), 2, "the next load waits, as after an error");
        cache.clock.advance(SECOND);
        source.set(2);
        until(async || fragile(&source).await == 2).await;
    })
    .await;
}

/// A cached function that the body of a background refresh calls uses the same cache.
#[tokio::test]
async fn a_load_in_the_background_is_in_the_scope_of_its_call() {
    #[cached(ttl = "1h", key = "{id}")]
    async fn inner(source: &Source, id: u64) -> u64 {
        id + source.read().await
    }

    #[cached(ttl = "1m", stale_while_revalidate = "1m", key = "{id}")]
    async fn outer(source: &Source, id: u64) -> u64 {
        inner(source, id).await
    }

    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(outer(&source, 1).await, 2);
        cache.clock.advance(MINUTE + SECOND);
        assert_eq!(outer(&source, 1).await, 2);
        until(async || cache.manager.stats().total.refreshes == 1).await;
        until(async || cache.manager.stats().background_loads == 0).await;
        assert_eq!(source.reads(), 1, "the inner value is a hit");
    })
    .await;
}

#[cached(
    ttl = "1m",
    stale_if_error = "10m",
    load_timeout = "50ms",
    key_prefix = "impatient",
    key = "{id}"
)]
async fn impatient(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

#[tokio::test]
async fn nobody_waits_longer_for_a_load_since_all_places_are_taken() {
    for store in Store::INTENDED {
        on_store(
            store,
            |config| config.max_background_loads(1),
            async |cache: TestCache| {
                let source = Source::new(1);
                for id in [1, 2] {
                    impatient(&source, id).await.unwrap();
                }
                cache.clock.advance(MINUTE + SECOND);
                let hold = source.hold();
                assert_eq!(impatient(&source, 1).await, Ok(101));
                hold.reached().await;
                let _other = source.hold();
                assert_eq!(in_time(impatient(&source, 2)).await, Ok(201));
                assert_eq!(source.reads(), 3);
            },
        )
        .await;
    }
}

#[tokio::test]
async fn callers_at_once_wait_for_a_timeout_together() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        impatient(&source, 1).await.unwrap();
        cache.clock.advance(MINUTE + SECOND);
        let _hold = source.hold();
        let calls: Vec<_> = (0..2_000)
            .map(|_| {
                let source = source.clone();
                cache.spawn(async move { impatient(&source, 1).await })
            })
            .collect();
        // One after the other this takes 100 seconds.
        in_time(async {
            for call in calls {
                assert_eq!(call.await.unwrap(), Ok(101));
            }
        })
        .await;
        assert_eq!(source.reads(), 2);
    })
    .await;
}

#[tokio::test]
async fn more_failures_than_are_remembered_make_no_queue() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let source = Source::new(1);
        const LAST: u64 = 5_000;
        for id in 0..=LAST {
            if_error(&source, id).await.unwrap();
        }
        cache.clock.advance(MINUTE + SECOND);
        source.set(0);
        for id in 0..LAST {
            if_error(&source, id).await.unwrap();
        }
        let hold = source.hold();
        let call = || {
            let source = source.clone();
            cache.spawn(async move { if_error(&source, LAST).await })
        };
        let first = call();
        hold.reached().await;
        let others: Vec<_> = (0..10).map(|_| call()).collect();
        yield_now().await;
        let before = source.reads();
        let second = source.hold();
        hold.release();
        first.await.unwrap().unwrap();
        second.reached().await;
        // All others load for themselves, while the first of them is held up.
        until(async || source.reads() == before + others.len()).await;
        second.release();
        for other in others {
            assert_eq!(other.await.unwrap(), Ok(LAST * 100 + 1));
        }
    })
    .await;
}

#[test]
fn a_load_on_a_runtime_that_nobody_drives_is_replaced() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (idle, driven) = (runtime(), runtime());
    let (clock, source) = (cache_runtime::Clock::mock(), Source::new(1));
    let manager = CacheManager::builder().clock(clock.clone()).build().unwrap();
    let call = || cache_runtime::with(&manager, revalidated(&source, 1));
    idle.block_on(call()).unwrap();
    clock.advance(MINUTE + SECOND);
    source.set(2);
    assert_eq!(idle.block_on(call()), Ok(101), "its load waits for that runtime");
    driven.block_on(until(async || call().await == Ok(102)));
}
