//! The same function behind each cache.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use cached::macros::{cached as cached_macro, concurrent_cached};
use hitbox::concurrency::BroadcastConcurrencyManager;
use hitbox::policy::ConcurrencyLimit;
use hitbox_fn::Cache;
use hitbox_fn::prelude::{PolicyConfig, cached as hitbox_cached};
use hitbox_moka::MokaBackend;
use multi_tier_cache::{CacheManager, CacheStrategy, CacheTier, MokaCache, MokaCacheConfig};

use super::source::load;
use super::{ROOM, TTL};

pub(super) async fn no_cache(key: u64) -> u64 {
    load(key).await
}

#[cache_runtime::cached(ttl = "5m")]
pub(super) async fn ours(key: u64) -> u64 {
    load(key).await
}

static QUICK_CACHE: LazyLock<quick_cache::sync::Cache<u64, u64>> =
    LazyLock::new(|| quick_cache::sync::Cache::new(ROOM));

pub(super) async fn quick_cache(key: u64) -> u64 {
    let value = async { Ok::<_, Infallible>(load(key).await) };
    match QUICK_CACHE.get_or_insert_async(&key, value).await {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

static MOKA: LazyLock<moka::future::Cache<u64, u64>> = LazyLock::new(|| {
    moka::future::Cache::builder().max_capacity(ROOM as u64).time_to_live(TTL).build()
});

pub(super) async fn moka(key: u64) -> u64 {
    MOKA.get_with(key, load(key)).await
}

#[concurrent_cached(max_size = 100_000, ttl_secs = 300)]
pub(super) async fn concurrent(key: u64) -> u64 {
    load(key).await
}

#[cached_macro(max_size = 100_000, ttl_secs = 300, sync_writes = true)]
pub(super) async fn one_lock(key: u64) -> u64 {
    load(key).await
}

#[cached_macro(max_size = 100_000, ttl_secs = 300, sync_writes = "by_key")]
pub(super) async fn locks_by_key(key: u64) -> u64 {
    load(key).await
}

static HITBOX: LazyLock<Cache<MokaBackend, BroadcastConcurrencyManager<u64>>> =
    LazyLock::new(|| {
        let one = ConcurrencyLimit::new(1).expect("a limit");
        Cache::builder()
            .backend(MokaBackend::builder().max_entries(ROOM as u64).build())
            .policy(PolicyConfig::builder().ttl(TTL).concurrency(one).build())
            .concurrency_manager(BroadcastConcurrencyManager::new())
            .build()
    });

#[hitbox_cached(prefix = "value")]
async fn by_hitbox(key: u64) -> u64 {
    load(key).await
}

pub(super) async fn hitbox(key: u64) -> u64 {
    by_hitbox(key).cache(&*HITBOX).await
}

static MULTI_TIER: LazyLock<CacheManager> = LazyLock::new(|| {
    let config =
        MokaCacheConfig { max_capacity: ROOM as u64, time_to_live: TTL, time_to_idle: TTL };
    let memory = MokaCache::new(config).expect("a usable configuration");
    let tier = CacheTier::new(Arc::new(memory), 1, false, 1, 1.0);
    CacheManager::new_with_tiers(vec![tier], None).expect("one tier")
});

pub(super) async fn multi_tier(key: u64) -> u64 {
    let name = format!("value:{key}");
    let strategy = CacheStrategy::Custom(TTL);
    let value =
        MULTI_TIER.get_or_compute_typed(&name, strategy, || async { Ok(load(key).await) }).await;
    value.expect("a number can be encoded")
}
