//! The macro of `hitbox` with its Redis backend.

use std::sync::Arc;
use std::time::Duration;

use hitbox::policy::PolicyConfig;
use hitbox_fn::{Cache, cached};
use hitbox_redis::{ConnectionMode, RedisBackend};

use crate::redis::Ids;
use crate::redis::size::SMALL;

/// Its cache.
pub type Store = Arc<Cache<RedisBackend>>;

/// A cache whose values are in this Redis. It connects when it is first used.
///
/// # Errors
///
/// If the address cannot be used.
pub fn at(url: &str) -> Result<Store, hitbox_redis::error::Error> {
    let backend = RedisBackend::builder().connection(ConnectionMode::single(url)).build()?;
    let policy = PolicyConfig::builder().ttl(Duration::from_secs(3_600)).build();
    Ok(Arc::new(Cache::builder().backend(backend).policy(policy).build()))
}

#[cached(prefix = "hitbox")]
async fn value(_id: u64) -> Result<String, String> {
    Ok(super::load())
}

/// Requests one value.
///
/// # Errors
///
/// Never: the body does not fail.
pub async fn value_from(store: &Store, id: u64) -> Result<String, String> {
    value(id).cache(store).await
}

/// Requests the values of these ids.
pub async fn ask(store: Store, ids: Ids) {
    for id in ids {
        let value = value_from(&store, id).await;
        assert!(value.as_ref().is_ok_and(|value| value.len() == SMALL.bytes), "{value:?}");
    }
}
