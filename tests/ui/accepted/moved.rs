//! The equivalents that the guide gives for other caches.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use cache_runtime::{CacheCall as _, CacheManager, Error, Source, cache_invalidate, cached, with};
use serde::{Deserialize, Serialize};

static RUNS: AtomicU64 = AtomicU64::new(0);

struct Database;

/// `#[once]` and a constant key.
#[cached(skip(_database, _at_most))]
async fn newest(_database: &Database, _at_most: usize) -> u64 {
    RUNS.fetch_add(1, Ordering::Relaxed)
}

/// `cache_clear`.
#[cache_invalidate(prefix = "newest")]
async fn add() {}

/// A map: the body is `None`.
#[cached(cache_none = false)]
async fn role(_user: u64) -> Option<String> {
    None
}

/// A stored `Result`, with `convert`.
#[cached(output = "plain", key = name.to_lowercase())]
async fn parsed(name: &str) -> Result<u64, String> {
    RUNS.fetch_add(1, Ordering::Relaxed);
    name.parse().map_err(|_| "not a number".to_owned())
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Title<'a>(Cow<'a, str>);

/// A type with a lifetime, and an `Option` in the key.
#[cached(key = format!("{language:?}"))]
async fn title(language: Option<&str>) -> Title<'static> {
    Title(language.unwrap_or("none").to_owned().into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let cache = CacheManager::builder().build()?;
    with(&cache, async {
        assert_eq!(newest(&Database, 1).await, newest(&Database, 2).await);
        add().await;
        assert_eq!(newest(&Database, 1).await, 1);

        role(1).cache_entry().put(Some("admin".to_owned())).await?;
        assert_eq!(role(1).cache_entry().peek().await?, Some(Some("admin".to_owned())));
        assert_eq!(role(2).cache_entry().peek().await?, None);

        assert_eq!(parsed("A").await, parsed("a").await);
        assert_eq!(RUNS.load(Ordering::Relaxed), 3);

        assert_eq!(title(None).cache_entry().fetch().await?.source, Source::Load);
        assert_eq!(title(None).cache_entry().fetch().await?.source, Source::Memory);
        assert_eq!(title(Some("de")).cache_entry().refresh().await?, title(Some("de")).await);
        cache.invalidate_prefix("title").await?;
        assert_eq!(title(None).cache_entry().peek().await?, None);
        Ok(())
    })
    .await
}
