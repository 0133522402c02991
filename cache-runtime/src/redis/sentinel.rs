//! Sentinels: who the master is just now.

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ConnectionInfo, ErrorKind, RedisError, RedisResult, cmd};
use tokio::time::timeout;

use super::connector::Connector;
use super::errors::{no_answer, refused};
use super::identity::Identity;

/// A connection to the master that the first sentinel names whose master is one. A sentinel that was cut
/// off may still name one that was replaced.
pub(super) async fn reach_master(
    connector: &Connector,
    sentinels: &[ConnectionInfo],
    master: &str,
) -> RedisResult<(ConnectionInfo, MultiplexedConnection)> {
    let mut reasons = Vec::new();
    // Even if all but the last one are silent, there is time for that one and for the master.
    let share = connector.settings.connect_timeout / (sentinels.len() as u32 + 1);
    for sentinel in sentinels {
        let attempt = async {
            let info = ask_sentinel(connector, sentinel, master).await?;
            let mut connection = connector.open(&info).await?;
            if Identity::ask(&mut connection).await?.is_master {
                return Ok((info, connection));
            }
            Err(refused(format!("it names {}, which is a replica", info.addr())))
        };
        match timeout(share, attempt).await.unwrap_or_else(|_| Err(no_answer(share))) {
            Ok(reached) => return Ok(reached),
            Err(error) => reasons.push(format!("{}: {error}", sentinel.addr())),
        }
    }
    Err(RedisError::from((ErrorKind::Io, "no sentinel names a usable master", reasons.join("; "))))
}

async fn ask_sentinel(
    connector: &Connector,
    sentinel: &ConnectionInfo,
    master: &str,
) -> RedisResult<ConnectionInfo> {
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let servers = &connector.settings.servers;
    let mut connection = servers.open(sentinel, &config).await?;
    let mut question = cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
    let (host, port): (String, u16) = question
        .query_async::<Option<_>>(&mut connection)
        .await?
        .ok_or_else(|| refused(format!("it does not know a master `{master}`")))?;
    servers.at(&host, port).ok_or_else(|| refused("a master has a host"))
}
