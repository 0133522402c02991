//! `manager = ..`: a call uses the cache that its attribute names, whatever its scope.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use cache_runtime::{
    CacheCall as _, CacheManager, Error, Event, EventKind, Mode, Source as From, cache_invalidate,
    cache_put, cached, with,
};
use cache_tests::unique_namespace;
use tokio::task::yield_now;

use crate::source::Source;
use crate::stores::{Store, TestCache, connect, in_time, on_each_store, on_stores, until};

/// A tenant with a cache of its own.
#[derive(Clone)]
struct Tenant {
    cache: CacheManager,
    source: Source,
}

impl Tenant {
    #[cached(ttl = "1m", key_prefix = "own", key = "{id}", tags = ["shelf:{id}"], manager = &self.cache)]
    async fn item(&self, id: u64) -> u64 {
        _ = id;
        self.source.read().await
    }

    #[cached(ttl = "1m", skip(self, value), manager = &self.cache)]
    async fn echo<
        T: Clone + Send + Sync + serde::Serialize + serde::de::DeserializeOwned + 'static,
    >(
        &self,
        value: T,
    ) -> T {
        self.source.read().await;
        value
    }

    #[cached(ttl = "1m", key_prefix = "own:outer", key = "1", manager = &self.cache)]
    async fn outer(&self) -> u64 {
        nested(&self.source).await
    }

    #[cached(ttl = "1m", key_prefix = "own:stale", key = "1", stale_while_revalidate = "1m", manager = &self.cache)]
    async fn refreshed(&self) -> u64 {
        nested(&self.source).await
    }

    #[cache_invalidate(prefix = "own:{id}", manager = &self.cache)]
    async fn by_prefix(&self, id: u64) {
        _ = id;
    }

    #[cache_invalidate(tags = ["shelf:{id}"], when = "before", manager = &self.cache)]
    async fn by_tag(&self, id: u64) {
        _ = id;
    }

    /// The entry is in the cache of the method.
    #[cache_invalidate(entry = self.item(id))]
    async fn by_entry(&self, id: u64) {
        _ = id;
    }

    /// One of the entries is in another cache.
    #[cache_invalidate(prefix = "own", entry = other.item(1), entry = self.item(2), manager = &self.cache)]
    async fn by_all(&self, other: &Tenant) {}

    #[cache_put(entry = self.item(id))]
    async fn put(&self, id: u64, value: u64) -> u64 {
        _ = id;
        value
    }

    /// The called function names no manager, and so uses this one.
    #[cache_put(entry = nested(&self.source), manager = &self.cache)]
    async fn put_nested(&self, value: u64) -> u64 {
        value
    }

    #[cache_invalidate(entry = nested(&self.source), manager = &self.cache)]
    async fn forget_nested(&self) {}

    /// The called method names its manager, which counts.
    #[cache_put(entry = self.item(id), manager = &other.cache)]
    async fn put_beside(&self, other: &Tenant, id: u64, value: u64) -> u64 {
        _ = (other, id);
        value
    }
}

#[cached(ttl = "1m", key_prefix = "nested", skip(source))]
async fn nested(source: &Source) -> u64 {
    source.read().await
}

/// The cache may end with the body, which takes the last handle.
#[cached(ttl = "1m", key_prefix = "own:taken", skip(cache, source), manager = &cache)]
async fn taking(cache: CacheManager, source: Source) -> u64 {
    let value = source.read().await;
    drop(cache);
    value
}

#[cached(ttl = "1m", key_prefix = "own:kept", skip(cache, source), manager = &cache)]
async fn shared(cache: Arc<CacheManager>, source: &Source) -> u64 {
    source.read().await
}

/// The expression holds a lock, which the call must not.
#[cached(ttl = "1m", key_prefix = "own:locked", skip(caches, source), manager = &caches.lock().unwrap()[0])]
async fn locked(caches: &Mutex<Vec<CacheManager>>, source: &Source) -> u64 {
    drop(caches.lock().unwrap());
    source.read().await
}

fn find(caches: &[CacheManager]) -> CacheManager {
    caches[0].clone()
}

/// The expression makes the manager.
#[cached(ttl = "1m", key_prefix = "own:found", skip(caches, source), manager = &find(caches))]
async fn found(caches: &[CacheManager], source: &Source) -> u64 {
    source.read().await
}

#[async_trait]
trait Shelf {
    async fn first(&self, id: u64) -> u64;
    async fn change(&self, id: u64);
}

#[async_trait]
impl Shelf for Tenant {
    #[cached(ttl = "1m", key_prefix = "own:first", key = "{id}", manager = &self.cache)]
    async fn first(&self, id: u64) -> u64 {
        self.source.read().await
    }

    #[cache_invalidate(prefix = "own:first:{id}", manager = &self.cache)]
    async fn change(&self, id: u64) {}
}

impl Tenant {
    /// Returns a tenant whose cache is like this one, in a namespace of its own.
    async fn like(cache: &TestCache) -> Tenant {
        let config = cache.manager.config().clone().namespace(unique_namespace());
        Tenant { cache: connect(config, &cache.clock).await, source: Source::new(1) }
    }

    async fn two(cache: &TestCache) -> [Tenant; 2] {
        let [one, two] = [Tenant::like(cache).await, Tenant::like(cache).await];
        two.source.set(2);
        [one, two]
    }

    /// Changes the data.
    fn set(&self, value: u64) {
        self.source.set(value);
    }

    fn loads(&self) -> u64 {
        self.cache.stats().total.loads
    }
}

/// That nothing has used the cache of the scope.
fn assert_unused(cache: &TestCache) {
    let stats = cache.manager.stats();
    assert_eq!((stats.total, stats.invalidations), (Default::default(), 0));
}

#[tokio::test]
async fn each_instance_has_values_and_statistics_of_its_own() {
    on_each_store(async |cache: TestCache| {
        let [one, two] = Tenant::two(&cache).await;
        for _ in 0..3 {
            assert_eq!((one.item(1).await, two.item(1).await), (1, 2));
        }
        one.item(2).await;
        let counts = |tenant: &Tenant| {
            let total = tenant.cache.stats().total;
            (total.loads, total.hits())
        };
        assert_eq!((counts(&one), counts(&two)), ((2, 2), (1, 2)));
        assert_eq!((one.source.reads(), two.source.reads()), (2, 1));
        let sites = one.cache.stats().sites;
        assert!(sites.iter().all(|site| site.name.ends_with("Tenant::item")), "{sites:?}");
        assert_unused(&cache);
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_of_one_leaves_the_other() {
    on_each_store(async |cache: TestCache| {
        let [one, two] = Tenant::two(&cache).await;
        for (value, way) in [(11, "prefix"), (12, "tag"), (13, "entry")] {
            one.item(1).await;
            two.item(1).await;
            one.set(value);
            two.set(value + 10);
            match way {
                "prefix" => one.by_prefix(1).await,
                "tag" => one.by_tag(1).await,
                _ => one.by_entry(1).await,
            }
            assert_eq!((one.item(1).await, two.item(1).await), (value, 2), "{way}");
        }
        assert_eq!((one.cache.stats().invalidations, two.cache.stats().invalidations), (3, 0));
        assert_unused(&cache);
    })
    .await;
}

#[tokio::test]
async fn an_event_is_that_of_the_cache_that_was_invalidated() {
    on_each_store(async |cache: TestCache| {
        let [one, two] = Tenant::two(&cache).await;
        let managers = [&one.cache, &two.cache, &cache.manager];
        for manager in managers {
            manager.events(0);
        }
        two.by_entry(7).await;
        let tells = |manager: &CacheManager| {
            let tell = |event: Event| match event.what {
                EventKind::Invalidated { names, .. } => Some(names),
                _ => None,
            };
            manager.events(0).into_iter().filter_map(tell).collect::<Vec<_>>()
        };
        assert_eq!(managers.map(tells), [vec![], vec![vec!["own:7".to_owned()]], vec![]]);
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_reaches_each_cache_that_it_names() {
    on_each_store(async |cache: TestCache| {
        let [one, two] = Tenant::two(&cache).await;
        for tenant in [&one, &two] {
            tenant.item(1).await;
            tenant.item(2).await;
            tenant.set(9);
        }
        one.by_all(&two).await;
        assert_eq!((one.item(1).await, one.item(2).await), (9, 9));
        assert_eq!((two.item(1).await, two.item(2).await), (9, 2));
        assert_unused(&cache);
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_that_is_dropped_reaches_each_cache_that_it_names() {
    on_each_store(async |cache: TestCache| {
        let [one, two] = Tenant::two(&cache).await;
        one.item(1).await;
        two.item(1).await;
        one.set(9);
        two.set(9);
        {
            let mut call = pin!(stuck(&one, &two));
            assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        assert_eq!((one.item(1).await, two.item(1).await), (9, 9));
    })
    .await;
}

#[cache_invalidate(entry = one.item(1), entry = two.item(1))]
async fn stuck(one: &Tenant, two: &Tenant) {
    std::future::pending().await
}

#[tokio::test]
async fn a_put_is_into_the_cache_of_the_function_that_it_names() {
    on_each_store(async |cache: TestCache| {
        let [one, two] = Tenant::two(&cache).await;
        one.item(1).await;
        two.item(1).await;
        one.put(1, 5).await;
        assert_eq!((one.item(1).await, two.item(1).await), (5, 2));
        // The manager of the method precedes that of the attribute.
        one.put_beside(&two, 1, 6).await;
        assert_eq!((one.item(1).await, two.item(1).await), (6, 2));
        assert_eq!((one.loads(), two.loads()), (1, 1));
        assert_unused(&cache);
    })
    .await;
}

#[tokio::test]
async fn an_entry_of_a_function_without_a_manager_is_in_that_of_the_attribute() {
    on_each_store(async |cache: TestCache| {
        let one = Tenant::like(&cache).await;
        let in_scope = nested(&one.source).await;
        one.put_nested(5).await;
        assert_eq!(with(&one.cache, nested(&one.source)).await, 5);
        one.set(7);
        one.forget_nested().await;
        assert_eq!(with(&one.cache, nested(&one.source)).await, 7);
        assert_eq!(nested(&one.source).await, in_scope, "the scope's entry stays");
    })
    .await;
}

#[tokio::test]
async fn the_body_does_not_enter_the_cache_of_its_call() {
    on_each_store(async |cache: TestCache| {
        let one = Tenant::like(&cache).await;
        assert_eq!(one.outer().await, 1);
        let names = |manager: &CacheManager| {
            let sites = manager.stats().sites;
            let name = |name: String| name.rsplit("::").next().unwrap().to_owned();
            sites.into_iter().map(|site| name(site.name)).collect::<Vec<_>>()
        };
        assert_eq!(names(&one.cache), ["outer"]);
        assert_eq!(names(&cache.manager), ["nested"]);
    })
    .await;
}

#[tokio::test]
async fn a_background_refresh_stores_in_the_cache_of_its_call() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let one = Tenant::like(&cache).await;
        assert_eq!(one.refreshed().await, 1);
        one.set(2);
        cache.clock.advance(Duration::from_secs(61));
        assert_eq!(one.refreshed().await, 1);
        until(async || one.refreshed().await == 2).await;
        assert_eq!((one.cache.stats().total.refreshes, one.loads()), (1, 2));
        // The nested call of the refresh is in the scope of the caller.
        assert_eq!(cache.manager.stats().total.loads, 2);
    })
    .await;
}

#[tokio::test]
async fn concurrent_callers_of_one_cache_share_a_load() {
    on_each_store(async |cache: TestCache| {
        let [one, two] = Tenant::two(&cache).await;
        let hold = one.source.hold();
        let first = cache.spawn({
            let one = one.clone();
            async move { one.item(1).await }
        });
        hold.reached().await;
        assert_eq!(in_time(two.item(1)).await, 2, "it does not wait for that of another cache");
        let second = cache.spawn({
            let one = one.clone();
            async move { one.item(1).await }
        });
        // It has been polled once when others have had their turns.
        for _ in 0..10 {
            yield_now().await;
        }
        hold.release();
        assert_eq!((in_time(first).await.unwrap(), in_time(second).await.unwrap()), (1, 1));
        assert_eq!((one.source.reads(), two.source.reads()), (1, 1));
        assert_eq!(one.cache.stats().total.coalesced, 1);
    })
    .await;
}

#[tokio::test]
async fn requests_to_one_call_are_for_its_cache() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let [one, two] = Tenant::two(&cache).await;
        assert_eq!(one.item(1).cache_entry().peek().await.unwrap(), None);
        one.item(1).await;
        assert_eq!(one.item(1).cache_entry().peek().await.unwrap(), Some(1));
        assert_eq!(two.item(1).cache_entry().peek().await.unwrap(), None);
        two.item(1).cache_entry().put(20).await.unwrap();
        assert_eq!((one.item(1).await, two.item(1).await), (1, 20));
        one.set(3);
        assert_eq!(one.item(1).cache_entry().refresh().await.unwrap(), 3);
        two.item(1).cache_entry().invalidate().await.unwrap();
        let refused = two.item(1).cache_entry().only_if_cached().fetch().await.unwrap_err();
        assert!(matches!(refused, Error::NotCached { .. }), "{refused}");
        let fetched = one.item(1).cache_entry().fetch().await.unwrap();
        assert_eq!((fetched.value, fetched.source == From::Load), (3, false));
        assert_unused(&cache);
    })
    .await;
}

#[tokio::test]
async fn instances_of_a_generic_method_stay_apart() {
    on_each_store(async |cache: TestCache| {
        let [one, two] = Tenant::two(&cache).await;
        assert_eq!((one.echo(1_u64).await, one.echo(2_u64).await), (1, 1));
        assert_eq!((one.echo("a".to_owned()).await, two.echo(3_u64).await), ("a".to_owned(), 3));
        assert_eq!((one.loads(), two.loads()), (2, 1));
    })
    .await;
}

#[tokio::test]
async fn a_boxed_method_names_its_cache() {
    on_each_store(async |cache: TestCache| {
        let [one, two] = Tenant::two(&cache).await;
        let shelves: [&dyn Shelf; 2] = [&one, &two];
        for _ in 0..2 {
            assert_eq!((shelves[0].first(1).await, shelves[1].first(1).await), (1, 2));
        }
        two.set(3);
        shelves[0].change(1).await;
        assert_eq!(shelves[1].first(1).await, 2);
        shelves[1].change(1).await;
        assert_eq!(shelves[1].first(1).await, 3);
        assert_eq!(shelves[1].first(1).cache_entry().peek().await.unwrap(), Some(3));
        assert_unused(&cache);
    })
    .await;
}

#[tokio::test]
async fn the_expression_is_anything_that_leads_to_a_manager() {
    on_each_store(async |cache: TestCache| {
        let Tenant { cache: own, source } = Tenant::like(&cache).await;
        let caches = Mutex::new(vec![own.clone()]);
        for _ in 0..2 {
            shared(Arc::new(own.clone()), &source).await;
            locked(&caches, &source).await;
            found(std::slice::from_ref(&own), &source).await;
        }
        let total = own.stats().total;
        assert_eq!((total.loads, total.hits(), source.reads()), (3, 3, 3));
        assert_unused(&cache);
    })
    .await;
}

#[tokio::test]
async fn a_call_keeps_its_cache_until_it_ends() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let Tenant { cache: own, source } = Tenant::like(&cache).await;
        let config = own.config().clone();
        assert_eq!(taking(own, source.clone()).await, 1);
        source.set(2);
        let later = connect(config, &cache.clock).await;
        assert_eq!(taking(later, source).await, 1, "the value is in Redis");
    })
    .await;
}

#[tokio::test]
async fn two_caches_in_one_namespace_of_redis_share_their_values() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let one = Tenant::like(&cache).await;
        let peer = connect(one.cache.config().clone(), &cache.clock).await;
        let two = Tenant { cache: peer, source: Source::new(2) };
        assert_eq!((one.item(1).await, two.item(1).await), (1, 1));
        two.by_prefix(1).await;
        assert_eq!((two.item(1).await, one.item(1).await), (2, 2));
    })
    .await;
}

#[tokio::test]
async fn a_cache_that_is_off_is_off_for_its_calls_only() {
    let cache = TestCache::new(Store::Memory, |config| config).await;
    let [one, mut two] = Tenant::two(&cache).await;
    two.cache = connect(two.cache.config().clone().mode(Mode::Off), &cache.clock).await;
    for _ in 0..2 {
        assert_eq!((one.item(1).await, two.item(1).await), (1, 2));
    }
    assert_eq!((one.source.reads(), two.source.reads()), (1, 2));
}

#[tokio::test]
async fn an_entry_that_is_not_cached_is_logged_by_the_cache_of_the_attribute() {
    let cache = TestCache::new(Store::Memory, |config| config).await;
    let one = Tenant::like(&cache).await;
    let (log, _guard) = crate::log::Log::capture();
    with(&cache.manager, async {
        wrong(&one.cache).await;
        wrong(&one.cache).await;
        wrong(&cache.manager).await;
    })
    .await;
    // Each manager says it once.
    let errors = log.lines("ERROR");
    assert_eq!(errors.len(), 2, "{errors:?}");
}

#[cache_invalidate(entry = std::future::ready(1), manager = cache)]
async fn wrong(cache: &CacheManager) {}

#[tokio::test]
async fn a_hit_is_synchronous() {
    let cache = TestCache::new(Store::Memory, |config| config).await;
    let one = Tenant::like(&cache).await;
    one.item(1).await;
    let hit = pin!(one.item(1)).poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(hit, Poll::Ready(1));
}
