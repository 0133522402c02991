//! Sentinels: finding the current master.

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ConnectionInfo, cmd};
use tokio::time::timeout;

use super::connector::Connector;
use super::error::{Deadline, StoreError, StoreResult, Unusable};
use super::identity::ServerIdentity;

/// Connects to the master that the sentinels name: the first one that is a master. A sentinel that was cut
/// off may still name one that was replaced.
pub(super) async fn reach_master(
    connector: &Connector,
    sentinels: &[ConnectionInfo],
    master: &str,
) -> StoreResult<(ConnectionInfo, MultiplexedConnection)> {
    let mut reasons = Vec::new();
    // If all but the last one are silent, there is still time for the last one and for the master.
    let share = connector.settings.connect_timeout / (sentinels.len() as u32 + 1);
    for sentinel in sentinels {
        let attempt = async {
            let info = ask_sentinel(connector, sentinel, master).await?;
            let mut connection = connector.open(&info).await?;
            if ServerIdentity::ask(&mut connection).await?.is_master {
                return Ok((info, connection));
            }
            Err(Unusable::Replica { server: info.addr().to_string() }.into())
        };
        let late = |_| Err(StoreError::Timeout(Deadline::Connect, share));
        match timeout(share, attempt).await.unwrap_or_else(late) {
            Ok(reached) => return Ok(reached),
            Err(error) => reasons.push((sentinel.addr().to_string(), error)),
        }
    }
    Err(Unusable::NoSentinel(reasons).into())
}

async fn ask_sentinel(
    connector: &Connector,
    sentinel: &ConnectionInfo,
    master: &str,
) -> StoreResult<ConnectionInfo> {
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let servers = &connector.settings.servers;
    let mut connection = servers.open(sentinel, &config).await?;
    let mut question = cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
    let (host, port): (String, u16) = question
        .query_async::<Option<_>>(&mut connection)
        .await?
        .ok_or_else(|| Unusable::UnknownMaster { master: master.to_owned() })?;
    Ok(servers.at(&host, port).ok_or(Unusable::NoHost)?)
}
