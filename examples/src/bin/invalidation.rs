//! Shows the targets of `#[cache_invalidate]`, its moment, and its effect on a running load.
//!
//! ```text
//! cargo run -p cache-examples --bin invalidation
//! ```

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_examples::{introduce, part, timed};
use cache_runtime::{CacheConfig, CacheManager, cache_invalidate, cached, install};
use tokio::time::sleep;

/// The content of the simulated database: the version of everything.
static VERSION: AtomicU64 = AtomicU64::new(1);

// Two functions with prefixes of their own, both below `video`. Each reads the database at once,
// and its answer then takes a while to arrive.

#[cached(ttl = "5m", key_prefix = "video:details", key = "{id}", tags = ["user:{owner}"])]
async fn details(id: u64, owner: u64) -> Result<String, io::Error> {
    let version = VERSION.load(Ordering::SeqCst);
    sleep(Duration::from_millis(100)).await;
    Ok(format!("video {id} of user {owner}, version {version}"))
}

#[cached(ttl = "5m", key_prefix = "video:comments", key = "{id}")]
async fn comments(id: u64) -> Result<String, io::Error> {
    let version = VERSION.load(Ordering::SeqCst);
    sleep(Duration::from_millis(100)).await;
    Ok(format!("comments of video {id}, version {version}"))
}

/// One entry: a prefix is a template, and a name in full is a prefix, too.
#[cache_invalidate(prefix = "video:details:{id}")]
async fn rename(id: u64) -> Result<u64, io::Error> {
    Ok(write(id))
}

/// Everything whose name begins with `video:`.
#[cache_invalidate(prefix = "video")]
async fn import_videos() -> Result<u64, io::Error> {
    Ok(write(0))
}

/// Everything with a tag, under whatever prefix.
#[cache_invalidate(tags = ["user:{user}"])]
async fn rename_user(user: u64) -> Result<u64, io::Error> {
    Ok(write(user))
}

/// Only if something was changed. The closure sees what the function returns.
#[cache_invalidate(prefix = "video", if = |changed| matches!(changed, Ok(1..)))]
async fn remove_spam(found: usize) -> Result<usize, io::Error> {
    Ok(found)
}

/// Also after an error: who knows what the failed service has written.
#[cache_invalidate(prefix = "video", when = "always")]
async fn synchronise() -> Result<(), io::Error> {
    Err(io::Error::other("the connection was lost half-way"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = CacheConfig::from_env()?.namespace("example-invalidation");
    let manager = CacheManager::connect(config).await?;
    install(manager.clone())?;
    introduce(&manager).await;
    manager.flush_all().await;

    part("One entry.");
    read_all().await?;
    timed("rename(1)", rename(1)).await?;
    read_all().await?;

    part("A prefix: one step, however many entries there are.");
    timed("import_videos()", import_videos()).await?;
    read_all().await?;

    part("A tag.");
    timed("rename_user(7)", rename_user(7)).await?;
    read_all().await?;

    part("A condition, and a failure.");
    timed("remove_spam(0)", remove_spam(0)).await?;
    timed("  details(1, 7)", details(1, 7)).await?;
    timed("remove_spam(3)", remove_spam(3)).await?;
    timed("  details(1, 7)", details(1, 7)).await?;
    if let Err(error) = timed("synchronise()", synchronise()).await {
        println!("  It failed: {error}. The entries are invalidated all the same.");
    }
    timed("  details(1, 7)", details(1, 7)).await?;

    part("A load in flight while the data changes.");
    a_load_in_flight().await
}

async fn read_all() -> Result<(), io::Error> {
    timed("  details(1, 7)", details(1, 7)).await?;
    timed("  details(2, 8)", details(2, 8)).await?;
    timed("  comments(1)", comments(1)).await?;
    Ok(())
}

/// The first caller has read the old version when the write happens. It gets that version, because it called
/// before. The version is not stored, so a later caller gets the new one.
async fn a_load_in_flight() -> Result<(), Box<dyn std::error::Error>> {
    let early = tokio::spawn(details(3, 9));
    sleep(Duration::from_millis(50)).await;
    let version = rename(3).await?;
    println!("  The database is at version {version} now; rename(3) has returned.");
    let late = timed("details(3, 9), asked after it", details(3, 9)).await?;
    println!("  Asked before it: {}", early.await??);
    println!("  Asked after it:  {late}");
    let again = timed("details(3, 9)", details(3, 9)).await?;
    println!("  And this is kept: {again}");
    Ok(())
}

/// Pretends to change the row with this number, and returns the new version.
fn write(_row: u64) -> u64 {
    VERSION.fetch_add(1, Ordering::SeqCst) + 1
}
