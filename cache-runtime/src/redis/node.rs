//! One server of a link: its connections, its time, and which run of which server it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redis::aio::MultiplexedConnection;
use redis::{
    Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue, RedisError, RedisResult, cmd,
};

use super::shared::Shared;
use crate::clock::precise_ms;

/// Which of the connections to a server is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// For small things, which should not wait behind large ones.
    Quick,
    /// For large values and long work.
    Bulk,
}

/// A server that is connected to.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) info: ConnectionInfo,
    quick: MultiplexedConnection,
    /// The others, taken in turn.
    bulk: Arc<[MultiplexedConnection]>,
    turns: Arc<AtomicUsize>,
    /// What to add to this process's monotonic milliseconds to get the server's time.
    pub(super) offset_ms: i64,
    /// Which run of which server this is.
    pub(super) server: String,
    /// Whether it is a node of a cluster.
    pub(super) is_of_cluster: bool,
}

impl Node {
    pub(super) async fn connect(shared: &Shared, info: ConnectionInfo) -> RedisResult<Self> {
        let quick = shared.open(&info).await?;
        Node::with(shared, info, quick).await
    }

    /// A server that one connection to is there.
    pub(super) async fn with(
        shared: &Shared,
        info: ConnectionInfo,
        mut quick: MultiplexedConnection,
    ) -> RedisResult<Self> {
        let mut bulk = Vec::new();
        for _ in 1..shared.settings.connections {
            bulk.push(shared.open(&info).await?);
        }
        let identity = Identity::ask(&mut quick).await?;
        let offset_ms = measure_offset(&mut quick).await?;
        Ok(Node {
            info,
            quick,
            bulk: bulk.into(),
            turns: Arc::default(),
            offset_ms,
            server: identity.server,
            is_of_cluster: identity.is_of_cluster,
        })
    }

    /// Its host; a socket of a file has none.
    pub(super) fn host(&self) -> Option<&str> {
        self.place().map(|(host, _)| host)
    }

    pub(super) fn is_at(&self, host: &str, port: u16) -> bool {
        self.place() == Some((host, port))
    }

    /// Where it is, for people.
    pub(super) fn name(&self) -> String {
        self.info.addr().to_string()
    }

    fn place(&self) -> Option<(&str, u16)> {
        place(&self.info)
    }

    pub(super) fn connection(&self, lane: Lane) -> MultiplexedConnection {
        let next = || self.turns.fetch_add(1, Ordering::Relaxed) % self.bulk.len().max(1);
        match lane {
            Lane::Quick => self.quick.clone(),
            Lane::Bulk => self.bulk.get(next()).unwrap_or(&self.quick).clone(),
        }
    }

    pub(super) async fn ask<T: FromRedisValue>(&self, lane: Lane, command: &Cmd) -> RedisResult<T> {
        command.query_async(&mut self.connection(lane)).await
    }

    /// The same server, if all connections lead to the one that they led to, with its time measured anew.
    pub(super) async fn check(&self) -> RedisResult<Self> {
        for mut connection in std::iter::once(&self.quick).chain(&*self.bulk).cloned() {
            if Identity::ask(&mut connection).await?.server != self.server {
                return Err(refused("it is another server than before"));
            }
        }
        let offset_ms = measure_offset(&mut self.connection(Lane::Quick)).await?;
        Ok(Node { offset_ms, ..self.clone() })
    }
}

/// Host and port.
pub(super) fn place(info: &ConnectionInfo) -> Option<(&str, u16)> {
    match info.addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            Some((host, *port))
        }
        _ => None,
    }
}

/// What a server says of itself.
pub(super) struct Identity {
    /// Which run of which server this is. One that has been a replica meanwhile has another replication
    /// id: it may have missed what was confirmed by its master.
    pub(super) server: String,
    pub(super) is_master: bool,
    pub(super) is_of_cluster: bool,
}

impl Identity {
    /// # Errors
    /// Also if it is too old to be used.
    pub(super) async fn ask(connection: &mut MultiplexedConnection) -> RedisResult<Self> {
        let mut question = cmd("INFO");
        question.arg("server").arg("replication").arg("cluster");
        let info: String = question.query_async(connection).await?;
        check_version(&info)?;
        let run = field(&info, "run_id").unwrap_or_default();
        let replication = field(&info, "master_replid").unwrap_or_default();
        Ok(Identity {
            server: format!("{run}:{replication}"),
            is_master: field(&info, "role").is_none_or(|role| role == "master"),
            is_of_cluster: field(&info, "cluster_enabled") == Some("1"),
        })
    }
}

/// The difference between the server's clock and this process's monotonic one.
async fn measure_offset(connection: &mut MultiplexedConnection) -> RedisResult<i64> {
    let before = precise_ms();
    let (seconds, micros): (i64, i64) = cmd("TIME").query_async(connection).await?;
    let here = (before + precise_ms()) / 2;
    Ok(seconds * 1_000 + micros / 1_000 - here.cast_signed())
}

/// Scripts need `PEXPIRE GT`, which came with 7.0.
pub(super) fn check_version(info: &str) -> RedisResult<()> {
    let version = field(info, "redis_version").unwrap_or("0");
    let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
    if major >= 7 {
        return Ok(());
    }
    Err(refused(format!(
        "Redis 7.0 or Valkey 7.2 is the least that can be used; this server is {version}"
    )))
}

pub(super) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

pub(super) fn refused(message: impl Into<String>) -> RedisError {
    RedisError::from((ErrorKind::Client, "this server cannot be used", message.into()))
}
