//! `multi-tier-cache`, with values in its second tier only: the first has no room.

use std::sync::Arc;
use std::time::Duration;

use multi_tier_cache::error::CacheResult;
use multi_tier_cache::{
    CacheManager, CacheStrategy, CacheSystemBuilder, L1Cache, L2Cache, MokaCacheConfig,
};

use crate::redis::Ids;
use crate::redis::size::SMALL;

/// Its cache.
pub type Store = Arc<CacheManager>;

const LIFE: CacheStrategy = CacheStrategy::Custom(Duration::from_secs(3_600));

/// A cache whose values are in this Redis.
///
/// # Errors
///
/// If the server cannot be reached.
pub async fn connect(url: &str) -> CacheResult<Store> {
    let no_room = MokaCacheConfig { max_capacity: 0, ..MokaCacheConfig::default() };
    let system = CacheSystemBuilder::new()
        .with_l1(Arc::new(L1Cache::new(no_room)?))
        .with_l2(Arc::new(L2Cache::with_url(url).await?))
        .build()
        .await?;
    Ok(Arc::clone(system.cache_manager()))
}

/// Requests the values of these ids.
pub async fn ask(store: Store, ids: Ids) {
    for id in ids {
        let key = format!("multi-tier:{id}");
        let value: CacheResult<String> =
            store.get_or_compute_typed(&key, LIFE, || async { Ok(super::load()) }).await;
        assert!(value.as_ref().is_ok_and(|value| value.len() == SMALL.bytes), "{value:?}");
    }
}

/// Returns the number of calls that the memory tier has answered.
pub fn memory_hits(store: &Store) -> u64 {
    store.get_stats().l1_hits
}
