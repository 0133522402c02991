//! Checks of the replication between a master and its replicas.

use crate::{RedisServer, wait::wait_for};

/// Returns whether the replica has replicated everything up to the present offset of the master.
pub(crate) fn is_in_sync(master: &RedisServer, replica: &RedisServer) -> bool {
    let far = |offset: Option<String>| offset.and_then(|offset| offset.parse::<u64>().ok());
    // The master's first: it goes on meanwhile.
    let master = far(field(master, "master_repl_offset"));
    let copied = far(field(replica, "slave_repl_offset"));
    is_linked(replica) && master.is_some() && copied >= master
}

/// Returns whether a server is a replica that has the data of its master and receives changes.
pub(crate) fn is_linked(replica: &RedisServer) -> bool {
    field(replica, "master_link_status").as_deref() == Some("up")
}

/// Kills a master after writes that none of its replicas has seen, though the master confirmed
/// them. All that was written before is on the replicas.
///
/// A replica that is merely paused would find the writes in its connection when it goes on, so the
/// master hangs up first.
pub(crate) fn kill_losing(
    master: &RedisServer,
    replicas: &[&RedisServer],
    writes: impl FnOnce(&RedisServer),
) {
    for replica in replicas {
        wait_for(|| is_in_sync(master, replica).then_some(()).ok_or("a replica lags".to_owned()));
        replica.pause();
    }
    master.cli::<i64>(&["CLIENT", "KILL", "TYPE", "replica"]);
    wait_for(|| match field(master, "connected_slaves").as_deref() {
        Some("0") => Ok(()),
        connected => Err(format!("replicas that are still connected: {connected:?}")),
    });
    writes(master);
    master.kill();
    for replica in replicas {
        replica.resume();
    }
}

fn field(server: &RedisServer, name: &str) -> Option<String> {
    let info: String = server.try_cli(&["INFO", "replication"]).ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.map(str::to_owned)
}
