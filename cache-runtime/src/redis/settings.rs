//! What the Redis store is given.

use std::sync::Arc;
use std::time::Duration;

use super::servers::Servers;
use crate::stats::Total;

/// What the Redis store needs to know.
pub(crate) struct Settings {
    pub(crate) servers: Arc<Servers>,
    /// The address for logs and errors: secrets masked.
    pub(crate) address: String,
    pub(crate) namespace: String,
    /// To each server.
    pub(crate) connections: usize,
    pub(crate) connect_timeout: Duration,
    /// How long an operation may wait for its turn.
    pub(crate) turn_timeout: Duration,
    pub(crate) deadline: Duration,
    pub(crate) health_interval: Duration,
    pub(crate) trust_restart: bool,
    /// How often statistics are reported; zero for never.
    pub(crate) stats_interval: Duration,
    /// How long what was read is kept here.
    pub(crate) memory_ttl: Duration,
}

impl Settings {
    /// Who the servers are spoken to as.
    pub(super) fn user(&self) -> &str {
        self.servers.address.server.redis_settings().username().unwrap_or("default")
    }
}

/// What the store needs of the cache that it belongs to.
pub(crate) trait Host: Send + Sync {
    /// Another process has cleared a pattern.
    fn hear_cleared(&self, pattern: &str);

    /// What this process has counted since it began, by the field of the sum that it is added to.
    fn totals(&self) -> Vec<Total>;
}
