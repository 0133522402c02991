//! Mode `off`: bodies run, nothing is kept, and other processes are served nothing stale.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{
    CacheCall as _, CacheConfig, CacheManager, Clock, Error, Mode, Severity, Source as From,
    Status, WarmReport, cache_invalidate, cache_put, cached, with,
};
use cache_tests::{Worker, unique_namespace};
use tokio::sync::Barrier;

use crate::source::Source;
use crate::stores::{
    Store, TestCache, connect, in_time, on_server, on_stores, own_server, shared_server,
    spawn_with, until, until_up,
};

const MINUTE: Duration = Duration::from_secs(60);

#[cached(ttl = "1m", key_prefix = "off", key = "{id}", tags = ["owner:{owner}"])]
async fn item(source: &Source, id: u64, owner: u64) -> u64 {
    _ = (id, owner);
    source.read().await
}

#[cached(ttl = "1m", key_prefix = "off:memory", skip(source), tier = "memory")]
async fn in_memory(source: &Source) -> u64 {
    source.read().await
}

#[cached(ttl = "1m", key_prefix = "off:tiered", skip(source), tier = "tiered")]
async fn tiered(source: &Source) -> u64 {
    source.read().await
}

#[cached(ttl = "1m", key_prefix = "off:stale", skip(source), stale_while_revalidate = "1m")]
async fn refreshed(source: Source) -> u64 {
    source.read().await
}

/// Returns once all of its callers run it at the same time.
#[cached(ttl = "1m", key_prefix = "off:meeting", skip(source, together))]
async fn meeting(source: &Source, together: &Barrier) -> u64 {
    together.wait().await;
    source.read().await
}

#[cache_invalidate(prefix = "off:{id}")]
async fn by_prefix(id: u64) {
    _ = id;
}

#[cache_invalidate(tags = ["owner:{owner}"])]
async fn by_tag(owner: u64) {
    _ = owner;
}

#[cache_invalidate(entry = item(source, id, 7))]
async fn by_entry(source: &Source, id: u64) {
    _ = (source, id);
}

#[cache_put(entry = item(source, id, 7))]
async fn put(source: &Source, id: u64, value: u64) -> u64 {
    _ = (source, id);
    value
}

/// Returns a manager that is off, with the Redis and the namespace of a cache.
async fn off(cache: &TestCache) -> CacheManager {
    connect(cache.manager.config().clone().mode(Mode::Off), &cache.clock).await
}

#[tokio::test]
async fn each_call_runs_its_body_and_counts_as_bypassed() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (manager, source) = (off(&cache).await, Source::new(1));
        let one_of_each = async || {
            item(&source, 1, 7).await;
            in_memory(&source).await;
            tiered(&source).await;
            refreshed(source.clone()).await;
        };
        with(&manager, async {
            one_of_each().await;
            one_of_each().await;
        })
        .await;
        let stats = manager.stats();
        assert_eq!((source.reads(), stats.total.bypassed), (8, 8));
        assert_eq!((stats.total.hits(), stats.total.misses, stats.total.loads), (0, 0, 0));
        assert_eq!((stats.entries, stats.flights), (0, 0));
        assert!(stats.sites.iter().all(|site| !site.enabled));
        assert!(stats.to_string().ends_with("; 8 calls bypassed the cache"), "{stats}");
        let mut names = cache.manager.names("*").unwrap();
        assert_eq!(names.next().await, Some(Vec::new()));
    })
    .await;
}

#[tokio::test]
async fn ten_concurrent_callers_run_ten_bodies() {
    let (manager, source, together) = (CacheManager::off(), Source::new(1), Barrier::new(10));
    let together = Arc::new(together);
    let calls = (0..10).map(|_| {
        let (source, together) = (source.clone(), Arc::clone(&together));
        spawn_with(&manager, async move { meeting(&source, &together).await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(in_time(call).await.unwrap(), 1);
    }
    let total = manager.stats().total;
    assert_eq!((source.reads(), total.bypassed, total.coalesced), (10, 10, 0));
}

#[tokio::test]
async fn a_value_of_another_process_is_not_served() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (manager, source) = (off(&cache).await, Source::new(1));
        assert_eq!(item(&source, 1, 7).await, 1);
        source.set(2);
        assert_eq!(with(&manager, item(&source, 1, 7)).await, 2);
        assert_eq!(item(&source, 1, 7).await, 1, "the entry of the others stays");
    })
    .await;
}

const WAYS: [&str; 9] =
    ["prefix", "tag", "entry", "call", "delete", "prefix()", "tag()", "clear", "flush"];

/// Invalidates the first item in the scope of a manager: by an attribute, or directly.
async fn invalidate(way: &str, manager: &CacheManager, source: &Source) {
    match way {
        "prefix" => by_prefix(1).await,
        "tag" => by_tag(7).await,
        "entry" => by_entry(source, 1).await,
        "call" => item(source, 1, 7).cache_entry().invalidate().await.unwrap(),
        "delete" => drop(manager.delete("off:1").await.unwrap()),
        "prefix()" => manager.invalidate_prefix("off").await.unwrap(),
        "tag()" => manager.invalidate_tag("owner:7").await.unwrap(),
        "clear" => drop(manager.clear("off:*").await.unwrap()),
        _ => drop(manager.flush_all().await),
    }
}

#[tokio::test]
async fn an_invalidation_makes_other_processes_miss() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (manager, source) = (off(&cache).await, Source::new(0));
        for (value, way) in (1..).zip(WAYS) {
            assert_eq!(item(&source, 1, 7).await, value - 1, "before {way}");
            source.set(value);
            with(&manager, invalidate(way, &manager, &source)).await;
            // A copy in memory is served until the notice has arrived.
            until(async || item(&source, 1, 7).await == value).await;
        }
        assert_eq!(manager.stats().pending_invalidations, 0);
    })
    .await;
}

#[tokio::test]
async fn a_put_removes_the_entry_and_stores_nothing() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (manager, source) = (off(&cache).await, Source::new(1));
        assert_eq!(item(&source, 1, 7).await, 1);
        source.set(2);
        assert_eq!(with(&manager, put(&source, 1, 2)).await, 2);
        assert_eq!(cache.manager.inspect("off:1").await.unwrap(), None);
        until(async || item(&source, 1, 7).await == 2).await;

        source.set(3);
        manager.set("off:1", &3_u64, MINUTE).await.unwrap();
        assert_eq!(cache.manager.inspect("off:1").await.unwrap(), None);
        until(async || item(&source, 1, 7).await == 3).await;

        source.set(4);
        let refused = with(&manager, item(&source, 1, 7).cache_entry().put(4)).await.unwrap_err();
        assert!(refused.to_string().contains("the mode is `off`"), "{refused}");
        assert_eq!(cache.manager.inspect("off:1").await.unwrap(), None);
        until(async || item(&source, 1, 7).await == 4).await;
    })
    .await;
}

#[tokio::test]
async fn a_load_that_began_before_a_put_is_not_stored() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (manager, source) = (off(&cache).await, Source::new(1));
        let hold = source.hold();
        let (early, ()) = tokio::join!(item(&source, 1, 7), async {
            hold.reached().await;
            source.set(2);
            with(&manager, put(&source, 1, 2)).await;
            hold.release();
        });
        assert_eq!(early, 1);
        assert_eq!(item(&source, 1, 7).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_request_to_one_call_is_answered_as_for_a_bypassed_call() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (manager, source) = (off(&cache).await, Source::new(1));
        item(&source, 1, 7).await;
        source.set(2);
        with(&manager, async {
            let entry = || item(&source, 1, 7).cache_entry();
            let fetched = entry().fetch().await.unwrap();
            assert_eq!((fetched.value, fetched.source), (2, From::Load));
            assert_eq!(entry().refresh().await.unwrap(), 2);
            assert_eq!(entry().bypass().await.unwrap(), 2);
            assert_eq!(entry().peek().await.unwrap(), None);
            let refused = entry().only_if_cached().fetch().await.unwrap_err();
            assert!(matches!(refused, Error::NotCached { .. }), "{refused}");
            assert_eq!(entry().name().unwrap(), "off:1");
        })
        .await;
        assert_eq!(item(&source, 1, 7).await, 1, "the entry of the others stays");
    })
    .await;
}

#[tokio::test]
async fn the_direct_api_keeps_nothing() {
    let manager = CacheManager::off();
    manager.set("a", &1_u64, MINUTE).await.unwrap();
    assert_eq!(manager.get::<u64>("a").await.unwrap(), None);
    assert_eq!(manager.get_many::<u64>(&["a", "b"]).await.unwrap(), [None, None]);
    assert_eq!(
        (manager.exists("a").await.unwrap(), manager.ttl("a").await.unwrap()),
        (false, None)
    );
    let written = manager.set_many([("a", &1_u64), ("b", &2)], MINUTE).await.unwrap();
    assert_eq!((written.stored, written.unconfirmed, written.overtaken), (0, 0, 0));
    for value in [1_u64, 2] {
        let loaded = manager.get_or_load("a", MINUTE, async || Ok::<_, ()>(value)).await;
        assert_eq!(loaded, Ok(value));
    }
    assert_eq!(manager.get_or_load_shared("a", MINUTE, async || Err::<u64, _>(3)).await, Err(3));
    assert_eq!(manager.delete("a").await.unwrap(), Some(false));
    assert_eq!(manager.stats().total.bypassed, 9);
    assert!(manager.get::<u64>("").await.is_err(), "an invalid name is still an error");

    let load = async |_: String| -> Result<u64, ()> { unreachable!("nothing would be stored") };
    let report: WarmReport = manager.warm(["a", "b"], MINUTE, 2, load).await.unwrap();
    assert_eq!((report.fresh, report.failed, report.missing), (0, 0, 2));
}

#[tokio::test]
async fn directly_set_values_are_removed_for_other_processes() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let manager = off(&cache).await;
        let names = ["off:a", "off:b"];
        let values = names.map(|name| (name, &1_u64));
        cache.manager.set_many(values, MINUTE).await.unwrap();
        assert_eq!(manager.get_many::<u64>(&names).await.unwrap(), [None, None]);
        assert!(!manager.exists("off:a").await.unwrap());
        assert!(manager.inspect("off:a").await.unwrap().is_some(), "for diagnosis, Redis is read");
        manager.set_many(values, MINUTE).await.unwrap();
        let get = async || cache.manager.get_many::<u64>(&names).await.unwrap();
        until(async || get().await == [None, None]).await;
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_during_an_outage_is_sent_when_redis_is_back() {
    let cache = own_server(|config| config).await;
    let (manager, source) = (off(&cache).await, Source::new(1));
    with(&cache.manager, item(&source, 1, 7)).await;
    cache.server().cli::<()>(&["SAVE"]);
    cache.server().kill();
    source.set(2);
    with(&manager, by_prefix(1)).await;
    let health = manager.health().await;
    assert_eq!((health.status, health.backend), (Status::Degraded, "off"));
    assert_eq!(health.pending_invalidations, 2, "the name and the tag");
    cache.server().restart();
    until_up(&manager).await;
    until_up(&cache.manager).await;
    until(async || manager.stats().pending_invalidations == 0).await;
    assert_eq!(with(&cache.manager, item(&source, 1, 7)).await, 2);
}

#[tokio::test]
async fn the_mode_is_shown() {
    on_stores(&Store::ONE_SERVER, async |cache: TestCache| {
        let manager = off(&cache).await;
        assert_eq!(manager.backend(), "off");
        let health = manager.health().await;
        assert_eq!((health.status, health.backend), (Status::Healthy, "off"));
        assert!(health.latency.is_some() && health.reason.is_none(), "{health:?}");
        let diagnostics = manager.diagnose().await;
        assert_eq!((diagnostics[0].name, diagnostics[0].severity), ("mode", Severity::Warning));
        assert!(diagnostics.iter().any(|diagnostic| diagnostic.name == "connection"));
    })
    .await;
    let manager = CacheManager::off();
    assert_eq!((manager.backend(), manager.health().await.backend), ("off", "off"));
    assert_eq!(manager.diagnose().await.len(), 1);
}

#[tokio::test]
async fn a_required_redis_must_answer() {
    let off = CacheConfig::default().mode(Mode::Off).require_redis(true);
    let refused = CacheManager::connect(off.clone()).await.unwrap_err();
    assert!(refused.to_string().starts_with("require_redis is \"true\""), "{refused}");
    let refused = CacheManager::connect(off.redis_url("redis://127.0.0.1:1")).await.unwrap_err();
    assert!(matches!(refused, Error::RedisRequired { .. }), "{refused}");
}

#[test]
fn a_process_that_is_off_keeps_the_others_fresh() {
    let (server, namespace) = (shared_server(), unique_namespace());
    let spawn = |mode| {
        Worker::spawn_with(&[
            ("REDIS_URL", &*server.url()),
            ("CACHE_NAMESPACE", &namespace),
            ("CACHE_MODE", mode),
            ("REDIS_CONNECT_TIMEOUT", "10s"),
            ("REDIS_TIMEOUT", "5s"),
        ])
    };
    let (mut off, mut other) = (spawn("off"), spawn("redis"));
    other.call("data old");
    assert_eq!((&*off.call("backend"), &*other.call("get a")), ("off", "a=old"));
    off.call("data new");
    other.call("data new");
    assert_eq!((&*off.call("get a"), &*off.call("get a")), ("a=new", "a=new"));
    assert_eq!(off.call("loads"), "2");
    assert_eq!(other.call("get a"), "a=old");
    off.call("change a");
    assert_eq!(other.call("get a"), "a=new");
}

#[tokio::test]
async fn a_manager_that_is_off_connects_at_its_first_invalidation() {
    let server = shared_server();
    let config = CacheConfig::default().namespace(unique_namespace());
    let config = on_server(config, &server);
    let clock = Clock::mock();
    let other = Arc::new(connect(config.clone().mode(Mode::Redis), &clock).await);
    let source = Source::new(1);
    with(&other, item(&source, 1, 7)).await;
    source.set(2);
    let manager = CacheManager::builder().config(config.mode(Mode::Off)).build().unwrap();
    with(&manager, by_prefix(1)).await;
    assert_eq!(with(&other, item(&source, 1, 7)).await, 2);
}
