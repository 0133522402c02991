//! `multi-tier-cache` with a single tier, in memory. It keeps values encoded, so no `Arc`.

use std::sync::{Arc, LazyLock};

use multi_tier_cache::{CacheManager, CacheStrategy, CacheTier, MokaCache, MokaCacheConfig};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::value::{Record, Value, load};
use super::{Ask, ROOM, TTL, Values, each};
use crate::{Arguments, ready};

static CACHE: LazyLock<CacheManager> = LazyLock::new(|| {
    let config =
        MokaCacheConfig { max_capacity: ROOM as u64, time_to_live: TTL, time_to_idle: TTL };
    let memory = MokaCache::new(config).expect("a usable configuration");
    let tier = CacheTier::new(Arc::new(memory), 1, false, 1, 1.0);
    CacheManager::new_with_tiers(vec![tier], None).expect("one tier")
});

pub(super) fn ask(values: Values) -> Option<Ask> {
    Some(match values {
        Values::Number => |calls| ask_for::<u64>("number", calls),
        Values::Record => |calls| ask_for::<Record>("record", calls),
        Values::Bytes => |calls| ask_for::<Vec<u8>>("bytes", calls),
        Values::Shared => return None,
    })
}

fn ask_for<V: Value + Serialize + DeserializeOwned>(prefix: &str, calls: &[Arguments]) {
    let cache = &*CACHE;
    each(calls, |id, text| ready(get::<V>(cache, prefix, id, text)));
}

async fn get<V>(cache: &CacheManager, prefix: &str, id: u64, text: &str) -> V
where
    V: Value + Serialize + DeserializeOwned,
{
    let key = format!("{prefix}:{id}:{text}");
    let strategy = CacheStrategy::Custom(TTL);
    let value = cache.get_or_compute_typed(&key, strategy, || async { Ok(load(id, text)) }).await;
    value.expect("a value that can be encoded")
}
