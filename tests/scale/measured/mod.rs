//! Measures the cost of each operation with a real Redis.

mod commands;
mod connections;
mod deliveries;
mod entries;
mod idle;
mod notices;
mod server;

use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, cached};

use crate::paper;
use server::Server;

#[cached(ttl = "1h", key_prefix = "article")]
async fn article(id: u64) -> String {
    value(id)
}

#[cached(ttl = "1h", key_prefix = "a", key = "{group}:{id}")]
async fn short(group: u64, id: u64) -> String {
    let _ = group;
    value(id)
}

fn value(id: u64) -> String {
    format!("{id:0width$}", width = paper::VALUE)
}

/// Returns a manager that does nothing by itself but listen.
async fn connect(server: &Server) -> CacheManager {
    connect_with(server, |config| config).await
}

async fn connect_with(
    server: &Server,
    change: impl FnOnce(CacheConfig) -> CacheConfig,
) -> CacheManager {
    let config = CacheConfig::default()
        .namespace(paper::NAMESPACE)
        .redis_url(server.url())
        .redis_timeout(Duration::from_secs(10))
        .redis_health_check_interval(Duration::from_secs(3_600))
        .stats_interval(Duration::ZERO)
        .require_redis(true);
    CacheManager::connect(change(config)).await.unwrap()
}
