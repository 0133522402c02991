//! Connects to servers, and checks the rights there.

use std::future::Future;
use std::sync::Arc;

use redis::ConnectionInfo;
use redis::aio::MultiplexedConnection;
use tokio::time::timeout;

use super::error::{Deadline, StoreError, StoreResult, Unusable};
use super::keys::Keys;
use super::rights::{self, Lack, Need};
use super::settings::Settings;
use crate::support::lock::Mutex;
use crate::support::random;

/// The maximum number of discovered nodes that are tried when a link begins.
const MOST_ASKED: usize = 4;

pub(super) struct Connector {
    pub(super) settings: Arc<Settings>,
    keys: Keys,
    /// The masters of the cluster at the last request.
    found: Mutex<Vec<ConnectionInfo>>,
}

impl Connector {
    pub(super) fn new(settings: Arc<Settings>, keys: Keys) -> Self {
        Connector { settings, keys, found: Mutex::default() }
    }

    /// Returns the discovered nodes of a cluster, for the case that no configured address is in use any more.
    pub(super) fn found(&self) -> Vec<ConnectionInfo> {
        let found = self.found.lock();
        found.iter().take(MOST_ASKED).cloned().collect()
    }

    pub(super) fn note_found(&self, servers: Vec<ConnectionInfo>) {
        *self.found.lock() = servers;
    }

    pub(super) async fn within_connect_timeout<T>(
        &self,
        attempt: impl Future<Output = StoreResult<T>>,
    ) -> StoreResult<T> {
        let limit = self.settings.connect_timeout;
        let late = |_| Err(StoreError::Timeout(Deadline::Connect, limit));
        timeout(limit, attempt).await.unwrap_or_else(late)
    }

    pub(super) async fn open(&self, to: &ConnectionInfo) -> StoreResult<MultiplexedConnection> {
        self.settings.servers.connect(to, self.settings.connect_timeout).await
    }

    /// Returns the missing rights and commands that the cache can do without.
    ///
    /// # Errors
    /// If the server cannot be used, because a right or command is missing that the cache needs.
    pub(super) async fn lacking(
        &self,
        rights: &[rights::Right],
        server: &ConnectionInfo,
        connection: &MultiplexedConnection,
    ) -> StoreResult<Vec<Lack>> {
        let key = self.keys.value(&format!("#rights:{:016x}", random::word()));
        let lacks = rights::lacking(rights, connection, &key, &self.keys.feed()).await;
        let needed = lacks.iter().filter(|lack| lack.need == Need::All);
        let needed = rights::describe_all(needed, self.settings.user(), &self.settings.namespace);
        match needed.first() {
            Some(lacks) => {
                let server = server.addr().to_string();
                Err(Unusable::Lacks { server, lacks: lacks.clone() }.into())
            }
            None => Ok(lacks),
        }
    }
}
