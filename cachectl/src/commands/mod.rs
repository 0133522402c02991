//! The commands.

pub(crate) mod advise;
pub(crate) mod change;
pub(crate) mod doctor;
pub(crate) mod graph;
pub(crate) mod look;
pub(crate) mod outbox;
pub(crate) mod relay;
pub(crate) mod triggers;
pub(crate) mod verify;
pub(crate) mod watch;

use cache_runtime::{CacheManager, FleetStats};

use crate::exit::Failure;

/// Returns the reason for which Redis cannot be used.
async fn unavailable(manager: &CacheManager) -> Failure {
    Failure::Unavailable(
        manager.health().await.reason.unwrap_or_else(|| "Redis does not answer in time".into()),
    )
}

async fn fleet_stats(manager: &CacheManager) -> Result<FleetStats, Failure> {
    match manager.fleet_stats().await {
        Some(stats) => Ok(stats),
        None => Err(unavailable(manager).await),
    }
}
