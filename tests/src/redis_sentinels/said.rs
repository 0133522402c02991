use std::collections::HashMap;

use redis::FromRedisValue;

use super::NAME;
use crate::RedisServer;

/// The master as a sentinel sees it.
#[derive(Debug)]
pub(super) struct Master {
    pub(super) port: u16,
    /// Of two sentinels that name different masters, the one with the higher epoch is right.
    pub(super) epoch: u64,
    /// `true` if the master answers, and no other server is about to become the master.
    pub(super) is_well: bool,
}

impl Master {
    pub(super) fn by(sentinel: &RedisServer) -> Result<Master, String> {
        let fields: Fields = ask(sentinel, "MASTER")?;
        let master = || {
            Some(Master {
                port: fields.get("port")?.parse().ok()?,
                epoch: fields.get("config-epoch")?.parse().ok()?,
                is_well: fields.get("flags")? == "master",
            })
        };
        master().ok_or_else(|| format!("{fields:?}"))
    }
}

/// Returns the ports of the replicas that a sentinel reaches and that say that they are replicas.
pub(super) fn replicas_by(sentinel: &RedisServer) -> Result<Vec<u16>, String> {
    let mut replicas: Vec<Fields> = ask(sentinel, "REPLICAS")?;
    replicas.retain(|replica| replica.get("role-reported").is_some_and(|role| role == "slave"));
    Ok(ports_reached(&replicas))
}

/// Returns the ports of the other sentinels that a sentinel reaches.
pub(super) fn sentinels_by(sentinel: &RedisServer) -> Result<Vec<u16>, String> {
    Ok(ports_reached(&ask::<Vec<Fields>>(sentinel, "SENTINELS")?))
}

type Fields = HashMap<String, String>;

fn ask<T: FromRedisValue>(sentinel: &RedisServer, what: &str) -> Result<T, String> {
    sentinel.try_cli(&["SENTINEL", what, NAME]).map_err(|error| error.to_string())
}

fn ports_reached(servers: &[Fields]) -> Vec<u16> {
    let is_reached = |server: &&Fields| {
        let mut flags = server.get("flags").map(|flags| flags.split(',')).into_iter().flatten();
        !flags.any(|flag| matches!(flag, "s_down" | "disconnected"))
    };
    let ports = servers.iter().filter(is_reached).filter_map(|server| server.get("port"));
    ports.filter_map(|port| port.parse().ok()).collect()
}
