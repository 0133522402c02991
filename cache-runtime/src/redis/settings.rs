//! The settings of the Redis store.

use std::sync::Arc;
use std::time::Duration;

use super::servers::Servers;
use crate::stats::Total;

/// The settings of the Redis store.
pub(crate) struct Settings {
    pub(crate) servers: Arc<Servers>,
    /// The address for logs and errors, with masked secrets.
    pub(crate) address: String,
    pub(crate) namespace: String,
    /// The number of connections to each server.
    pub(crate) connections: usize,
    pub(crate) connect_timeout: Duration,
    /// The maximum time that an operation waits for its permit.
    pub(crate) permit_timeout: Duration,
    pub(crate) deadline: Duration,
    pub(crate) health_interval: Duration,
    pub(crate) trust_restart: bool,
    /// The interval of the reports of statistics; zero for none.
    pub(crate) stats_interval: Duration,
    /// The life of a copy in memory.
    pub(crate) memory_ttl: Duration,
}

impl Settings {
    /// Returns the user name on the servers.
    pub(super) fn user(&self) -> &str {
        self.servers.address.server.redis_settings().username().unwrap_or("default")
    }
}

/// The part of the cache that the Redis store calls.
pub(crate) trait Host: Send + Sync {
    /// Handles that another process has cleared a pattern.
    fn receive_cleared(&self, pattern: &str);

    /// Returns the counts of this process since its start, by the field of the sum.
    fn totals(&self) -> Vec<Total>;
}
