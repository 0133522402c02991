//! The totals of all processes.

use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, FleetStats, Mode, Status, cached, with};
use cache_tests::{RedisServer, unique_namespace};

use crate::source::Source;
use crate::stores::{
    Store, TestCache, connect, on_stores, own_server, shared_server, until, until_up,
};

const OFTEN: Duration = Duration::from_millis(20);
const NEVER_HERE: Duration = Duration::from_secs(60);

#[cached(key_prefix = "sum:item", key = "{id}", cost = 0.25)]
async fn item(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

async fn ask(manager: &CacheManager, source: &Source, ids: &[u64]) {
    let calls = async {
        for id in ids {
            item(source, *id).await;
        }
    };
    with(manager, calls).await;
}

async fn reporting(interval: Duration) -> TestCache {
    TestCache::new(Store::Redis, |config: CacheConfig| config.stats_interval(interval)).await
}

async fn sums(manager: &CacheManager) -> FleetStats {
    manager.fleet_stats().await.expect("Redis is there")
}

/// Waits until the sums hold this many hits and misses. Each miss is a load here, and a report may come between the
/// two counts.
async fn until_counted(manager: &CacheManager, hits: u64, misses: u64) {
    until(async || {
        let total = sums(manager).await.total;
        (total.hits(), total.misses, total.loads) == (hits, misses, misses)
    })
    .await;
}

#[tokio::test]
async fn all_processes_are_added_up() {
    let cache = reporting(OFTEN).await;
    let (source, peer) = (Source::new(1), cache.peer().await);
    ask(&cache.manager, &source, &[1, 2, 1]).await;
    ask(&peer, &source, &[1, 3]).await;
    peer.invalidate_prefix("sum").await.unwrap();
    until_counted(&cache.manager, 2, 3).await;
    until(async || sums(&peer).await.invalidations == 1).await;

    let sums = sums(&cache.manager).await;
    assert_eq!(sums.instances, 2);
    assert!(sums.since.is_some());
    let site = &sums.sites[0];
    assert!(site.name.ends_with("fleet_stats::item"), "{}", site.name);
    assert_eq!((site.prefix.as_str(), sums.sites.len()), ("sum:item", 1));
    assert_eq!((site.counts.loads, site.counts.saved_cost), (3, 0.5));
    let left: i64 = cache.server().cli(&["PTTL", &cache.redis_key("#stats")]);
    assert!(left > 0, "{left}");
}

#[tokio::test]
async fn what_a_process_has_counted_outlives_it() {
    let cache = reporting(NEVER_HERE).await;
    let source = Source::new(1);
    for _ in 0..2 {
        let process = cache.peer().await;
        ask(&process, &source, &[1, 1]).await;
        assert_eq!(process.disconnect().await, 0);
    }
    let total = sums(&cache.manager).await.total;
    assert_eq!((total.hits(), total.misses), (3, 1));
}

#[tokio::test]
async fn a_reset_of_one_process_leaves_the_sums_of_the_fleet() {
    let cache = reporting(OFTEN).await;
    let source = Source::new(1);
    ask(&cache.manager, &source, &[1, 1]).await;
    cache.manager.invalidate_tag("any").await.unwrap();
    until_counted(&cache.manager, 1, 1).await;
    cache.manager.reset_stats();
    ask(&cache.manager, &source, &[1]).await;
    cache.manager.invalidate_tag("any").await.unwrap();
    until_counted(&cache.manager, 2, 1).await;
    until(async || sums(&cache.manager).await.invalidations == 2).await;

    assert!(cache.manager.reset_fleet_stats().await);
    assert_eq!(sums(&cache.manager).await.total.hits(), 0);
    ask(&cache.manager, &source, &[1]).await;
    until_counted(&cache.manager, 1, 0).await;
}

#[tokio::test]
async fn a_report_whose_answer_is_lost_counts_once() {
    let deadline = Duration::from_millis(100);
    let cache = own_server(|config| config.stats_interval(OFTEN).redis_timeout(deadline)).await;
    let source = Source::new(1);
    ask(&cache.manager, &source, &[1, 1]).await;
    until_counted(&cache.manager, 1, 1).await;
    for hits in [2, 3, 4] {
        ask(&cache.manager, &source, &[1]).await;
        // Most often a report is under way now, or is when the server stops: it is carried out when
        // the server goes on, after it was given up.
        cache.server().pause();
        until(async || cache.manager.ping().await.is_none()).await;
        cache.server().resume();
        until_up(&cache.manager).await;
        until_counted(&cache.manager, hits, 1).await;
    }
    // Nothing comes after it.
    tokio::time::sleep(OFTEN * 5).await;
    assert_eq!(sums(&cache.manager).await.total.hits(), 4);
}

#[tokio::test]
async fn a_server_that_refuses_reports_is_used_all_the_same() {
    let server = RedisServer::start();
    let user = ["ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all", "-@hash"];
    let () = server.cli(&user);
    let config = CacheConfig::default()
        .namespace(unique_namespace())
        .mode(Mode::Redis)
        .redis_url(server.url().replace("redis://", "redis://app:pw@"))
        .stats_interval(OFTEN);
    let manager = CacheManager::connect(config).await.unwrap();
    let source = Source::new(1);
    // Some reports are due meanwhile.
    for _ in 0..20 {
        ask(&manager, &source, &[1]).await;
        tokio::time::sleep(OFTEN / 4).await;
    }
    let stats = manager.stats();
    assert_eq!((stats.total.redis_hits, stats.redis_errors), (19, 0));
    assert_eq!(manager.health().await.status, Status::Healthy);
    assert_eq!(manager.fleet_stats().await, None);
    assert_eq!(manager.stats().redis_errors, 0);
}

#[tokio::test]
async fn a_foreign_key_in_their_place_is_replaced() {
    let cache = reporting(OFTEN).await;
    let source = Source::new(1);
    ask(&cache.manager, &source, &[1]).await;
    until_counted(&cache.manager, 0, 1).await;
    let _: String = cache.server().cli(&["SET", &cache.redis_key("#stats"), "foreign"]);
    assert_eq!(cache.manager.fleet_stats().await, None);
    ask(&cache.manager, &source, &[1]).await;
    until(async || cache.manager.fleet_stats().await.is_some()).await;
    until_counted(&cache.manager, 1, 0).await;
}

#[tokio::test]
async fn nothing_is_reported_if_it_is_switched_off() {
    let cache = reporting(Duration::ZERO).await;
    let source = Source::new(1);
    ask(&cache.manager, &source, &[1, 1]).await;
    assert_eq!(cache.manager.disconnect().await, 0);
    let keys: Vec<String> = cache.server().cli(&["KEYS", &cache.redis_key("#stats")]);
    assert_eq!(keys, [""; 0]);
}

#[tokio::test]
async fn without_redis_a_process_is_all_there_is() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let source = Source::new(1);
        ask(&cache.manager, &source, &[1, 1]).await;
        let sums = sums(&cache.manager).await;
        assert_eq!((sums.instances, sums.total.hits(), sums.total.misses), (1, 1, 1));
        assert!(cache.manager.reset_fleet_stats().await);
        assert_eq!(cache.manager.stats().total.hits(), 0);
    })
    .await;
}

#[tokio::test]
async fn while_redis_is_unavailable_nobody_knows() {
    on_stores(&[Store::Outage], async |cache: TestCache| {
        assert_eq!(cache.manager.fleet_stats().await, None);
        assert!(!cache.manager.reset_fleet_stats().await);
    })
    .await;
}

/// The sums of managers that come and go name those that are there.
#[tokio::test]
async fn an_instance_is_forgotten_a_day_after_its_last_report() {
    let cache = reporting(OFTEN).await;
    until(async || sums(&cache.manager).await.instances == 1).await;
    let (key, gone) = (cache.redis_key("#stats"), "@i:0000000000000001");
    let _: i64 = cache.server().cli(&["HSET", &key, gone, "7 1000"]);
    assert_eq!(sums(&cache.manager).await.instances, 1, "it has not reported for long");
    let config = cache.manager.config().clone();
    let _new = connect(config, &cache.clock).await;
    until(async || shared_server().cli::<i64>(&["HEXISTS", &key, gone]) == 0).await;
    until(async || sums(&cache.manager).await.instances == 2).await;
}

#[tokio::test]
async fn sums_that_somebody_else_has_written_end_nothing() {
    let cache = own_server(|config| config.stats_interval(OFTEN)).await;
    let source = Source::new(1);
    ask(&cache.manager, &source, &[1, 1]).await;
    until_counted(&cache.manager, 1, 1).await;
    let key = cache.redis_key("#stats");
    let most = u64::MAX.to_string();
    let set = |field: &str, value: &str| cache.server().cli::<i64>(&["HSET", &key, field, value]);
    for since in [&*most, "-1", "soon", "", "1e9"] {
        set("@since", since);
        assert_eq!(sums(&cache.manager).await.total.hits(), 1, "{since}");
    }
    for field in [
        "memory_hits|a|",
        "memory_hits|b|",
        "redis_hits|a|",
        "load_micros|a|",
        "saved_cost_nanos|a|",
    ] {
        set(field, &most);
    }
    for field in ["@i:", "@i:x", "|", "notices"] {
        set(field, &most);
    }
    let mut connection = cache.server().connect().unwrap();
    redis::cmd("HSET").arg(&key).arg(b"\xff").arg(b"\xfe").query::<i64>(&mut connection).unwrap();
    let stats = sums(&cache.manager).await;
    assert_eq!((stats.total.memory_hits, stats.total.hits()), (u64::MAX, u64::MAX));
    assert!(!stats.to_string().is_empty());
}
