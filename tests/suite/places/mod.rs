//! Wherever Redis lives: a user with few rights, a server that lacks something, a master that sentinels
//! look after, a cluster. The cache keeps its promises on each of them, and says what is lost.

use std::time::Duration;

use cache_runtime::{
    CacheConfig, CacheManager, Diagnostic, Mode, SetOptions, Severity, cache_invalidate, cache_put,
    cached, with,
};
use cache_tests::unique_namespace;

use crate::source::Source;
use crate::stores::until;

mod acl;
mod cluster;
mod lacking;
mod lanes;
mod sentinel;
mod traffic;

const MODES: [Mode; 2] = [Mode::Redis, Mode::Tiered];

#[cached(ttl = "5m", key_prefix = "place", key = "{id}", tags = ["places"])]
async fn place(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cached(ttl = "5m", key_prefix = "hashed", skip(source))]
async fn hashed(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cache_invalidate(prefix = "place:{id}")]
async fn change(source: &Source, id: u64, value: u64) {
    _ = id;
    source.set(value);
}

#[cache_put(entry = place(source, id))]
async fn put(source: &Source, id: u64, value: u64) -> u64 {
    _ = id;
    source.set(value);
    value
}

/// Returns a manager on this Redis in this mode, and one for another process.
async fn two(url: &str, mode: Mode, namespace: &str) -> [CacheManager; 2] {
    let config = || {
        CacheConfig::default()
            .namespace(namespace)
            .mode(mode)
            .redis_url(url)
            .redis_timeout(Duration::from_secs(1))
            .stats_interval(Duration::from_millis(100))
    };
    [CacheManager::connect(config()).await.unwrap(), CacheManager::connect(config()).await.unwrap()]
}

/// Every way to change what is cached, the first ones for one value.
const WAYS: [&str; 7] = ["name", "put", "prefix", "tag", "delete", "clear", "flush"];

/// Checks that one process sees the changes of the other, in each of these ways.
async fn changes_are_seen(here: &CacheManager, there: &CacheManager, ways: &[&str]) {
    here.flush_all().await;
    let source = Source::new(1);
    for manager in [here, there] {
        assert_eq!(with(manager, place(&source, 1)).await, 1);
        assert_eq!(with(manager, hashed(&source, 1)).await, 1);
    }
    let health = here.health().await;
    assert_eq!(source.reads(), 2, "the second process finds what the first has stored: {health:?}");
    for (way, value) in ways.iter().zip(2..) {
        source.set(value);
        match *way {
            "name" => with(here, change(&source, 1, value)).await,
            "put" => _ = with(here, put(&source, 1, value)).await,
            "prefix" => here.invalidate_prefix("place").await.unwrap(),
            "tag" => here.invalidate_tag("places").await.unwrap(),
            "delete" => _ = here.delete("place:1").await.unwrap(),
            "clear" => assert_eq!(here.clear("pl?ce:*").await.unwrap(), 1),
            _ => assert!(here.flush_all().await > 0),
        }
        // The copy of the other process may be as old as its feed is behind.
        until(async || with(there, place(&source, 1)).await == value).await;
        assert_eq!(with(here, place(&source, 1)).await, value, "{way}");
    }
}

/// Everything that the cache does, in two processes.
async fn everything_works(here: &CacheManager, there: &CacheManager) {
    changes_are_seen(here, there, &WAYS).await;

    let names: Vec<String> = (0..50).map(|id| format!("many:{id}")).collect();
    let values = names.iter().zip(0_u64..).collect::<Vec<_>>();
    let pairs = values.iter().map(|(name, value)| (name.as_str(), value));
    here.set_many(pairs, SetOptions::default()).await.unwrap();
    let read: Vec<Option<u64>> = there.get_many(&names).await.unwrap();
    assert_eq!(read, (0..50).map(Some).collect::<Vec<_>>());
    let mut listed = there.names("many:*").unwrap();
    let mut found = Vec::new();
    while let Some(page) = listed.next().await {
        found.extend(page);
    }
    found.sort();
    found.dedup();
    assert_eq!((found.len(), listed.is_complete()), (50, true));
    assert_eq!(here.clear("many:*").await.unwrap(), 50);
    assert_eq!(there.get_many::<u64>(&names).await.unwrap(), vec![None; 50]);

    let counted = async || {
        let stats = there.fleet_stats().await;
        stats.is_some_and(|stats| stats.instances >= 2 && stats.invalidations > 0)
    };
    until(counted).await;
    assert!(here.ping().await.is_some());
    assert_eq!(here.health().await.pending_invalidations, 0);
}

/// Returns the diagnostic of this name.
fn diagnostic<'a>(diagnostics: &'a [Diagnostic], name: &str) -> &'a Diagnostic {
    diagnostics
        .iter()
        .find(|diagnostic| diagnostic.name == name)
        .unwrap_or_else(|| panic!("{name}: {diagnostics:#?}"))
}

/// Returns the first fault.
fn fault(diagnostics: &[Diagnostic]) -> Option<&Diagnostic> {
    diagnostics.iter().find(|diagnostic| diagnostic.severity == Severity::Fault)
}
