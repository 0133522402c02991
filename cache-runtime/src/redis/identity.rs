//! The identity of a server and of its run.

use redis::aio::MultiplexedConnection;
use redis::{Cmd, cmd};

/// The identity of a server, as it reports it.
pub(super) struct ServerIdentity {
    /// The run of the server, with its replication id. A server that was a replica meanwhile has another
    /// replication id, so it counts as another run: it may lack removals that its master has confirmed.
    pub(super) server: String,
    pub(super) is_master: bool,
    pub(super) is_of_cluster: bool,
}

impl ServerIdentity {
    /// Requests the identity of the server behind a connection.
    ///
    /// # Errors
    /// This also fails if the server is too old to be used.
    pub(super) async fn ask(connection: &mut MultiplexedConnection) -> StoreResult<Self> {
        let info: String = Self::question().query_async(connection).await?;
        Self::read(&info)
    }

    pub(super) fn question() -> Cmd {
        let mut question = cmd("INFO");
        question.arg("server").arg("replication").arg("cluster");
        question
    }

    pub(super) fn read(info: &str) -> StoreResult<Self> {
        let field = |name| field(info, name);
        check_version(info)?;
        let run = field("run_id").unwrap_or_default();
        let replication = field("master_replid").unwrap_or_default();
        Ok(ServerIdentity {
            server: format!("{run}:{replication}"),
            is_master: field("role").is_none_or(|role| role == "master"),
            is_of_cluster: field("cluster_enabled") == Some("1"),
        })
    }
}

/// Scripts need `PEXPIRE GT`, which came with 7.0.
pub(super) fn check_version(info: &str) -> StoreResult<()> {
    let version = field(info, "redis_version").unwrap_or("0");
    let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
    if major >= 7 {
        return Ok(());
    }
    Err(Unusable::TooOld { version: version.to_owned() }.into())
}

pub(super) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
use super::error::{StoreResult, Unusable};
