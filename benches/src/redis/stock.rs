//! A server with many entries that can be invalidated together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Mode, cached, with};
use cache_tests::RedisServer;
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, cmd};

use super::{Failure, raw};

/// The prefix of all entries.
pub const PREFIX: &str = "catalog";
/// A tag that all entries have.
pub const TAG: &str = "season";
/// The keys of the entries, as they are in Redis.
const PATTERN: &str = "cache:catalog:*";
/// The number of keys that one command of a scan reads or removes, and the number that are stored at
/// once.
const PAGE: usize = 1_000;

static LOADS: AtomicU64 = AtomicU64::new(0);

#[cached(ttl = "1h", key_prefix = PREFIX, tags = ["season"])]
async fn article(_id: u64) -> String {
    LOADS.fetch_add(1, Ordering::Relaxed);
    "0123456789".repeat(10)
}

/// A server, the cache that uses it, and a connection by hand.
#[derive(Debug)]
pub struct Stock {
    /// The number of entries.
    pub entries: u64,
    /// The server with the entries.
    pub server: RedisServer,
    /// The cache.
    pub manager: CacheManager,
    connection: MultiplexedConnection,
}

impl Stock {
    /// A server of its own, with this many entries.
    ///
    /// # Errors
    ///
    /// If it cannot be used.
    pub async fn new(entries: u64) -> Result<Self, Failure> {
        let server = RedisServer::start();
        let config = CacheConfig::default().mode(Mode::Tiered).redis_url(server.url());
        let config = config.require_redis(true).redis_timeout(Duration::from_secs(10));
        let manager = CacheManager::connect(config).await?;
        let connection = raw::connect(&server.url()).await?;
        let stock = Stock { entries, server, manager, connection };
        stock.fill().await?;
        Ok(stock)
    }

    /// Makes as many entries as there should be. All of them are one that was really stored, under
    /// other names.
    ///
    /// # Errors
    ///
    /// If the server says so.
    pub async fn fill(&self) -> Result<(), Failure> {
        // A copy in memory might be all that is left of it.
        self.manager.invalidate_prefix(PREFIX).await?;
        with(&self.manager, article(0)).await;
        let mut connection = self.connection.clone();
        let keys: Vec<String> = cmd("KEYS").arg(PATTERN).query_async(&mut connection).await?;
        let stored = keys.first().ok_or("nothing is stored")?;
        let entry: Vec<u8> = cmd("GET").arg(stored).query_async(&mut connection).await?;
        for first in (1..self.entries).step_by(PAGE) {
            let mut pipeline = redis::pipe();
            for id in (first..self.entries).take(PAGE) {
                pipeline.set(format!("cache:{PREFIX}:article:{id:040x}"), &entry[..]).ignore();
            }
            pipeline.query_async::<()>(&mut connection).await?;
        }
        Ok(())
    }

    /// Requests an entry that has been invalidated.
    ///
    /// # Errors
    ///
    /// If it is not loaded again.
    pub async fn reload(&self) -> Result<(), Failure> {
        let before = LOADS.load(Ordering::Relaxed);
        with(&self.manager, article(0)).await;
        match LOADS.load(Ordering::Relaxed) - before {
            1 => Ok(()),
            loads => Err(format!("after an invalidation: {loads} loads").into()),
        }
    }

    /// Removes all entries without the cache: looks for their keys, page by page.
    ///
    /// # Errors
    ///
    /// If the server says so.
    pub async fn scan_and_unlink(&self) -> RedisResult<()> {
        let mut connection = self.connection.clone();
        let mut cursor = 0_u64;
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(PATTERN).arg("COUNT").arg(PAGE);
            let (next, keys): (u64, Vec<String>) = scan.query_async(&mut connection).await?;
            if !keys.is_empty() {
                cmd("UNLINK").arg(keys).query_async::<u64>(&mut connection).await?;
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }
}
