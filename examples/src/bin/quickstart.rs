//! The quick start: `make run`.
//!
//! With Redis, run it twice: `REDIS_URL=redis://localhost:6379 make run`. The second run finds in
//! Redis what the first has loaded.

use std::collections::HashMap;
use std::io;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use cache_examples::{introduce, part, timed};
use cache_runtime::{CacheConfig, CacheManager, cache_invalidate, cached, install};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

#[derive(Clone, Serialize, Deserialize)]
struct Video {
    id: u64,
    title: String,
}

/// A slow query. The attribute is all it takes: concurrent calls share one run of this body, and
/// its `Ok` is kept for five minutes.
#[cached(ttl = "5m", key_prefix = "video", key = "{id}")]
async fn get_video(id: u64) -> Result<Video, io::Error> {
    let title = database::title_of(id).await?;
    Ok(Video { id, title })
}

/// A write. When it has succeeded, every call of `get_video` for this video loads again.
#[cache_invalidate(prefix = "video:{id}")]
async fn rename_video(id: u64, title: &str) -> Result<(), io::Error> {
    database::set_title(id, title).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::WARN).init();
    // A program may leave this out: the first call makes a cache from the environment.
    let config = CacheConfig::from_env()?.namespace("quickstart");
    let manager = CacheManager::connect(config).await?;
    install(manager.clone())?;
    introduce(&manager).await;

    part("The same call twice; the query takes 200 ms.");
    let video = timed("get_video(1)", get_video(1)).await?;
    timed("get_video(1) again", get_video(1)).await?;
    timed("get_video(1), 1,000 times", one_after_another(1)).await?;
    println!("  Its title: {:?}", video.title);

    part("A hundred callers at once.");
    timed("get_video(2), 100 times", a_hundred_callers(2)).await?;

    part("The data changes.");
    let title = format!("Cats, cut by process {}", std::process::id());
    timed("rename_video(1, ..)", rename_video(1, &title)).await?;
    let video = timed("get_video(1)", get_video(1)).await?;
    println!("  Its title: {:?}", video.title);
    timed("get_video(2), which has not changed", get_video(2)).await?;

    part("An error is not kept.");
    for _ in 0..2 {
        if let Err(error) = timed("get_video(404)", get_video(404)).await {
            println!("  The caller gets it as it is: {error}");
        }
    }

    part("Statistics.");
    println!("{}", manager.stats());
    Ok(())
}

async fn one_after_another(id: u64) -> Result<(), io::Error> {
    for _ in 0..1_000 {
        get_video(id).await?;
    }
    Ok(())
}

async fn a_hundred_callers(id: u64) -> Result<(), Box<dyn std::error::Error>> {
    let callers: Vec<_> = (0..100).map(|_| tokio::spawn(get_video(id))).collect();
    for caller in callers {
        caller.await??;
    }
    Ok(())
}

/// A pretended database. It ends with the process, what the cache holds in Redis does not.
mod database {
    use super::*;

    static TITLES: LazyLock<Mutex<HashMap<u64, String>>> =
        LazyLock::new(|| Mutex::new([(1, "Cats".to_owned()), (2, "Dogs".to_owned())].into()));

    pub(crate) async fn title_of(id: u64) -> Result<String, io::Error> {
        sleep(Duration::from_millis(200)).await;
        let titles = TITLES.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = || io::Error::other(format!("there is no video {id}"));
        titles.get(&id).cloned().ok_or_else(missing)
    }

    pub(crate) async fn set_title(id: u64, title: &str) -> Result<(), io::Error> {
        sleep(Duration::from_millis(20)).await;
        let mut titles = TITLES.lock().unwrap_or_else(PoisonError::into_inner);
        titles.insert(id, title.to_owned());
        Ok(())
    }
}
