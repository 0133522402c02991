//! One server of a link: its connections, its clock, and its run.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::select_ok;
use futures_util::stream::FuturesUnordered;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue, Pipeline, Value, cmd};
use tokio::time::timeout;

use super::connector::Connector;
use super::error::{Deadline, Lost, StoreError, StoreResult, Unusable};
use super::identity::ServerIdentity;
use super::lane::Lane;
use super::line::ServerLine;
use super::rights::{self, Lack};
use crate::support::clock::precise_ms;

/// The number of deadlines that a connection may take to reply while another one to the same server replies:
/// it may be transferring a large value.
const BUSY: u32 = 8;

/// A connected server.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) info: ConnectionInfo,
    quick: Arc<ServerLine>,
    /// The connections for large values, taken in turn.
    bulk: Arc<[Arc<ServerLine>]>,
    turns: Arc<AtomicUsize>,
    /// The difference of the server's time and this process's monotonic time, in milliseconds.
    pub(super) offset_ms: i64,
    /// The run of the server.
    pub(super) server: String,
    /// True if it is a node of a cluster.
    pub(super) is_of_cluster: bool,
    /// The missing rights and commands that the cache can do without.
    pub(super) lacks: Arc<[Lack]>,
}

impl Node {
    pub(super) async fn connect(connector: &Connector, info: ConnectionInfo) -> StoreResult<Self> {
        let quick = connector.open(&info).await?;
        Node::with(connector, info, quick).await
    }

    /// Makes a node from a server and its first connection.
    pub(super) async fn with(
        connector: &Connector,
        info: ConnectionInfo,
        mut quick: MultiplexedConnection,
    ) -> StoreResult<Self> {
        let mut lacks = connector.lacking(&rights::RIGHTS, &info, &quick).await?;
        let identity = ServerIdentity::ask(&mut quick).await?;
        if identity.is_of_cluster {
            lacks.extend(connector.lacking(&rights::OF_CLUSTER, &info, &quick).await?);
        }
        let offset_ms = measure_offset(&mut quick).await?;
        let line = |connection| {
            let (servers, timeout) =
                (&connector.settings.servers, connector.settings.connect_timeout);
            ServerLine::new(servers, timeout, &info, &identity.server, connection)
        };
        let mut bulk = Vec::new();
        for _ in 1..connector.settings.connections {
            bulk.push(line(connector.open(&info).await?));
        }
        Ok(Node {
            quick: line(quick),
            info,
            bulk: bulk.into(),
            turns: Arc::default(),
            offset_ms,
            server: identity.server,
            is_of_cluster: identity.is_of_cluster,
            lacks: lacks.into(),
        })
    }

    /// Returns the host of the node; `None` for the path of a socket.
    pub(super) fn host(&self) -> Option<&str> {
        self.place().map(|(host, _)| host)
    }

    pub(super) fn is_at(&self, host: &str, port: u16) -> bool {
        self.place() == Some((host, port))
    }

    /// Returns its address as a text.
    pub(super) fn name(&self) -> String {
        self.info.addr().to_string()
    }

    fn place(&self) -> Option<(&str, u16)> {
        place(&self.info)
    }

    fn line(&self, lane: Lane) -> &ServerLine {
        let next = || self.turns.fetch_add(1, Ordering::Relaxed) % self.bulk.len().max(1);
        match lane {
            Lane::Quick => &self.quick,
            Lane::Bulk => self.bulk.get(next()).unwrap_or(&self.quick),
        }
    }

    pub(super) fn connection(&self, lane: Lane) -> MultiplexedConnection {
        self.line(lane).connection()
    }

    pub(super) fn ask<T: FromRedisValue>(
        &self,
        lane: Lane,
        command: &Cmd,
    ) -> impl Future<Output = StoreResult<T>> {
        self.line(lane).ask(command)
    }

    /// Sends several commands together. Each has a reply of its own, which may be an error.
    pub(super) fn ask_all(
        &self,
        lane: Lane,
        commands: &Pipeline,
    ) -> impl Future<Output = StoreResult<Vec<Value>>> {
        self.line(lane).ask_all(commands)
    }

    /// Returns true if the node replies on one of its connections. An error is also a reply.
    pub(super) async fn answers(&self) -> bool {
        let ask = async |line: &ServerLine| match line.ask::<Value>(&cmd("PING")).await {
            Err(error) if !error.is_reply() => Err(error),
            _ => Ok(()),
        };
        let lines = std::iter::once(&self.quick).chain(self.bulk.first());
        select_ok(lines.map(|line| Box::pin(ask(line)))).await.is_ok()
    }

    /// Checks that all connections still lead to the same run of the server, and measures its clock again.
    /// One connection has to reply within the deadline. Another may be transferring a large value.
    pub(super) async fn check(&self, deadline: Duration) -> StoreResult<Self> {
        let lines = std::iter::once(&self.quick).chain(&*self.bulk);
        let mut asked: FuturesUnordered<_> =
            lines.map(async |line| (line, identity_on(line).await)).collect();
        let (first, identity) = within(deadline, asked.next()).await?.ok_or(Lost::Node)?;
        let is_same = |identity: &ServerIdentity| identity.server == self.server;
        if !is_same(&identity?) {
            return Err(Unusable::AnotherServer.into());
        }
        let offset_ms = within(deadline, measure_offset(&mut first.connection())).await??;
        let rest = async {
            while let Some((_, identity)) = asked.next().await {
                if !is_same(&identity?) {
                    return Err(Unusable::AnotherServer.into());
                }
            }
            StoreResult::Ok(())
        };
        within(deadline * BUSY, rest).await??;
        Ok(Node { offset_ms, ..self.clone() })
    }

    /// Checks the rights of the user again.
    pub(super) async fn check_rights(&self, connector: &Connector) -> StoreResult<Self> {
        let connection = self.connection(Lane::Quick);
        let mut lacks = connector.lacking(&rights::RIGHTS, &self.info, &connection).await?;
        if self.is_of_cluster {
            lacks.extend(connector.lacking(&rights::OF_CLUSTER, &self.info, &connection).await?);
        }
        Ok(Node { lacks: lacks.into(), ..self.clone() })
    }
}

async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> StoreResult<T> {
    let late = |_| StoreError::Timeout(Deadline::Operation, limit);
    timeout(limit, future).await.map_err(late)
}

/// Returns host and port.
pub(super) fn place(info: &ConnectionInfo) -> Option<(&str, u16)> {
    match info.addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            Some((host, *port))
        }
        _ => None,
    }
}

async fn identity_on(line: &ServerLine) -> StoreResult<ServerIdentity> {
    let info: String = line.ask(&ServerIdentity::question()).await?;
    ServerIdentity::read(&info)
}

/// Measures the difference between the server's clock and this process's monotonic one.
async fn measure_offset(connection: &mut MultiplexedConnection) -> StoreResult<i64> {
    let before = precise_ms();
    let (seconds, micros): (i64, i64) = cmd("TIME").query_async(connection).await?;
    let here = before.midpoint(precise_ms());
    let there = seconds.saturating_mul(1_000).saturating_add(micros / 1_000);
    Ok(there.saturating_sub(here.cast_signed()))
}
