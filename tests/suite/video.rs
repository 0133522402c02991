//! A cached function, everything that makes its value stale, and loads of it that take long.

use cache_runtime::{CacheManager, Mode, cached};
use tokio::task::JoinHandle;

use crate::source::{Hold, Source};
use crate::stores::{spawn_with, until};

/// The name of the entry that [`video`] reads.
pub const NAME: &str = "video:meta:7";

#[cached(ttl = "1m", key_prefix = "video:meta", key = "{id}", tags = ["team:{team}"])]
async fn meta(source: &Source, id: u64, team: &str) -> u64 {
    _ = (id, team);
    source.read().await
}

/// The cached value: what the source said when it was last read.
pub async fn video(source: &Source) -> u64 {
    meta(source, 7, "red").await
}

/// Every way to make what [`video`] returns stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Key,
    Prefix,
    ParentPrefix,
    NameAsPrefix,
    Tag,
    Clear,
    ClearAll,
    FlushAll,
}

impl Way {
    pub const ALL: [Way; 8] = [
        Way::Key,
        Way::Prefix,
        Way::ParentPrefix,
        Way::NameAsPrefix,
        Way::Tag,
        Way::Clear,
        Way::ClearAll,
        Way::FlushAll,
    ];

    pub async fn invalidate(self, cache: &CacheManager) {
        match self {
            Way::Key => drop(cache.delete(NAME).await.unwrap()),
            Way::Prefix => cache.invalidate_prefix("video:meta").await.unwrap(),
            Way::ParentPrefix => cache.invalidate_prefix("video").await.unwrap(),
            Way::NameAsPrefix => cache.invalidate_prefix(NAME).await.unwrap(),
            Way::Tag => cache.invalidate_tag("team:red").await.unwrap(),
            Way::Clear => drop(cache.clear("video:*:7").await.unwrap()),
            Way::ClearAll => drop(cache.clear("*").await.unwrap()),
            Way::FlushAll => drop(cache.flush_all().await),
        }
    }
}

/// A load that has taken its value and has not come back with it.
#[derive(Debug)]
pub struct Load {
    hold: Hold,
    caller: JoinHandle<u64>,
}

impl Load {
    /// Starts a load in this cache.
    pub async fn begin(cache: &CacheManager, source: &Source) -> Load {
        let hold = source.hold();
        let caller = call(cache, source);
        hold.reached().await;
        Load { hold, caller }
    }

    /// Ends the load; what its caller got.
    pub async fn end(self) -> u64 {
        self.hold.release();
        self.caller.await.unwrap()
    }
}

/// Returns a caller of [`video`] in a task of its own.
pub fn call(cache: &CacheManager, source: &Source) -> JoinHandle<u64> {
    let source = source.clone();
    spawn_with(cache, async move { video(&source).await })
}

/// That a process reads this value: at once, but in mode `tiered` once it has received what others did.
pub async fn receives(process: &CacheManager, source: &Source, value: u64) {
    if process.config().mode == Mode::Tiered {
        until(async || call(process, source).await.unwrap() == value).await;
    }
    assert_eq!(call(process, source).await.unwrap(), value);
}
