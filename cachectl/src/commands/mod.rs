//! What each command does.

pub(crate) mod change;
pub(crate) mod doctor;
pub(crate) mod look;
pub(crate) mod watch;

use cache_runtime::{CacheManager, ClusterStats};

use crate::exit::Failure;

/// Why Redis cannot be used.
async fn away(manager: &CacheManager) -> Failure {
    Failure::Away(
        manager.health().await.reason.unwrap_or_else(|| "it does not answer in time".into()),
    )
}

async fn cluster_stats(manager: &CacheManager) -> Result<ClusterStats, Failure> {
    match manager.cluster_stats().await {
        Some(stats) => Ok(stats),
        None => Err(away(manager).await),
    }
}
