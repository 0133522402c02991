//! Connects: from addresses to one identified server, or to the masters of a cluster.

use std::sync::Arc;

use futures_util::future::{join_all, select_ok};
use redis::ConnectionInfo;
use redis::aio::MultiplexedConnection;
use tokio::time::timeout;

use super::connector::Connector;
use super::error::{Deadline, StoreError, StoreResult, Unusable};
use super::lane::Lane;
use super::node::Node;
use super::ready::Ready;
use super::script::Loaded;
use super::sentinel::reach_master;
use super::topology::{self, Master, Slots};
use crate::config::RedisAddress;

/// Connects to the first server.
pub(super) async fn begin_with(connector: &Connector) -> StoreResult<Node> {
    let (info, connection) = reach(connector).await?;
    let node = Node::with(connector, info, connection).await?;
    if connector.settings.servers.address.is_cluster() && !node.is_of_cluster {
        return Err(Unusable::NoCluster { server: node.name() }.into());
    }
    Ok(node)
}

/// Connects to the master that sentinels name, or to one of the configured servers. If none answers, connects
/// to a discovered one.
pub(super) async fn reach(
    connector: &Connector,
) -> StoreResult<(ConnectionInfo, MultiplexedConnection)> {
    let RedisAddress { named, master, .. } = &connector.settings.servers.address;
    if let Some(master) = master {
        return reach_master(connector, named, master).await;
    }
    let found = connector.found();
    // The cluster may have left all configured addresses, but not those that were discovered.
    let share = connector.settings.connect_timeout / if found.is_empty() { 1 } else { 2 };
    let reached = timeout(share, reach_any(connector, named)).await;
    match reached.unwrap_or(Err(StoreError::Timeout(Deadline::Connect, share))) {
        Err(_) if !found.is_empty() => reach_any(connector, &found).await,
        reached => reached,
    }
}

/// Connects to the server that answers first, so that a silent one causes no delay.
async fn reach_any(
    connector: &Connector,
    servers: &[ConnectionInfo],
) -> StoreResult<(ConnectionInfo, MultiplexedConnection)> {
    let attempt = async |info: &ConnectionInfo| {
        let connection = connector.open(info).await?;
        StoreResult::Ok((info.clone(), connection))
    };
    let (reached, _) = select_ok(servers.iter().map(|info| Box::pin(attempt(info)))).await?;
    Ok(reached)
}

/// Completes a server with all others of its cluster, if it is part of one. Known nodes keep their
/// connections.
pub(super) async fn complete(
    connector: &Connector,
    first: Node,
    known: Vec<Node>,
    scripts: Arc<Loaded>,
) -> StoreResult<Ready> {
    if !first.is_of_cluster {
        return Ready::new(vec![first], None, scripts);
    }
    if !cfg!(feature = "cluster") {
        return Err(Unusable::WithoutClusterFeature.into());
    }
    let mut connection = first.connection(Lane::Quick);
    let encrypted = connector.settings.servers.are_encrypted();
    let masters = topology::masters(&mut connection, encrypted).await?;
    let slots = Slots::new(&masters);
    if slots.has_gap() {
        return Err(Unusable::SlotGap.into());
    }
    let known: Vec<_> = std::iter::once(first).chain(known).collect();
    let nodes = join_all(masters.iter().map(|master| node_of(connector, master, &known))).await;
    let nodes = nodes.into_iter().collect::<StoreResult<Vec<_>>>()?;
    connector.note_found(nodes.iter().map(|node| node.info.clone()).collect());
    Ready::new(nodes, Some(slots), scripts)
}

async fn node_of(connector: &Connector, master: &Master, known: &[Node]) -> StoreResult<Node> {
    let asked = known.first().and_then(Node::host);
    let host = master.host.as_deref().or(asked).unwrap_or_default();
    if let Some(node) = known.iter().find(|node| node.is_at(host, master.port)) {
        return Ok(node.clone());
    }
    let info = connector.settings.servers.at(host, master.port).ok_or(Unusable::NoHost)?;
    let node = Node::connect(connector, info).await?;
    Loaded::load(&node).await?;
    Ok(node)
}
