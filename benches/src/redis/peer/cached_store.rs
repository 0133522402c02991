//! The macro of the `cached` crate with its asynchronous Redis store.

use std::sync::OnceLock;
use std::time::Duration;

use cached::AsyncRedisCache;
use cached::macros::concurrent_cached;

use crate::redis::Ids;
use crate::redis::size::SMALL;

static URL: OnceLock<String> = OnceLock::new();

/// The store cannot be used.
#[derive(Clone, Debug)]
pub struct Failure(pub String);

/// Sets the address of the store, once for the process. The store connects when it is first used.
pub fn at(url: &str) {
    URL.get_or_init(|| url.to_owned());
}

/// Requests one value.
///
/// # Errors
///
/// If the store says so.
#[concurrent_cached(
    map_error = "|error| Failure(error.to_string())",
    ty = "AsyncRedisCache<u64, String>",
    create = r#"{ store().await }"#
)]
pub async fn value(id: u64) -> Result<String, Failure> {
    let _ = id;
    Ok(super::load())
}

async fn store() -> AsyncRedisCache<u64, String> {
    let url = URL.get().expect("an address");
    let store = AsyncRedisCache::builder("cached").ttl(Duration::from_secs(3_600));
    store.connection_string(url).build().await.expect("a server")
}

/// Requests the values of these ids.
pub async fn ask(ids: Ids) {
    for id in ids {
        let value = value(id).await;
        assert!(value.as_ref().is_ok_and(|value| value.len() == SMALL.bytes), "{value:?}");
    }
}
