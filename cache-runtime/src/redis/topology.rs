//! The masters of a cluster, and the keys of each.
//!
//! A key is in one of 16,384 slots, and each slot belongs to one master. The masters report their slots. If a
//! slot has moved since, the reply to a command contains this (`MOVED`).

use std::collections::HashMap;

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, Value, cmd};

use super::error::{StoreError, StoreResult};
use super::identity::field;

const SLOTS: usize = 16_384;
/// The number of a slot without a master.
const NOBODY: u16 = u16::MAX;

/// A master, from the report of the cluster.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Master {
    /// The host; `None` for the host that sent the report.
    pub(super) host: Option<String>,
    pub(super) port: u16,
    /// The first and the last slot of each range.
    pub(super) slots: Vec<(u16, u16)>,
}

/// The number of the node that has each slot.
#[derive(Clone, Debug)]
pub(super) struct Slots(Box<[u16]>);

impl Slots {
    pub(super) fn new(masters: &[Master]) -> Self {
        let mut slots = vec![NOBODY; SLOTS];
        for (number, master) in (0..).zip(masters) {
            for &(first, last) in &master.slots {
                if let Some(range) = slots.get_mut(first.into()..=last.into()) {
                    range.fill(number);
                }
            }
        }
        Slots(slots.into())
    }

    /// Returns the number of the node that has this key.
    pub(super) fn owner(&self, key: &str) -> usize {
        self.0.get(usize::from(slot_of(key))).map_or(0, |&number| number.into())
    }

    pub(super) fn has_gap(&self) -> bool {
        self.0.contains(&NOBODY)
    }
}

/// Requests all masters from a node. Masters without slots are included, because keys may be moving to them.
pub(super) async fn masters(
    connection: &mut MultiplexedConnection,
    encrypted: bool,
) -> StoreResult<Vec<Master>> {
    let answer: Value = cmd("CLUSTER").arg("SHARDS").query_async(connection).await?;
    let expected = "that of CLUSTER SHARDS";
    read(answer, encrypted).ok_or(StoreError::Unexpected { expected, cause: None })
}

/// Returns the parts of CLUSTER INFO that change when a node joins a cluster or takes over from another;
/// `None` if this node serves no commands.
pub(super) fn view(info: &str) -> Option<String> {
    let told = |name| field(info, name).unwrap_or_default();
    (told("cluster_state") == "ok").then(|| {
        let parts = [
            "cluster_current_epoch",
            // The epoch of the node itself, or of its master if it is no longer a master.
            "cluster_my_epoch",
            "cluster_known_nodes",
            "cluster_size",
        ];
        parts.map(told).join(" ")
    })
}

fn read(answer: Value, encrypted: bool) -> Option<Vec<Master>> {
    let mut masters = Vec::new();
    for mut shard in from::<Vec<HashMap<String, Value>>>(answer)? {
        let bounds: Vec<u16> = from(shard.remove("slots")?)?;
        let slots = bounds.chunks_exact(2).map(|range| (range[0], range[1])).collect::<Vec<_>>();
        let nodes: Vec<HashMap<String, Value>> = from(shard.remove("nodes")?)?;
        let mut master = None;
        for mut node in nodes {
            let mut text = |name| from::<Option<String>>(node.remove(name)?)?;
            let is_online = text("health").as_deref() == Some("online");
            // The former master of the shard may still be listed, as failed.
            if text("role").as_deref() != Some("master") || (master.is_some() && !is_online) {
                continue;
            }
            let host = text("endpoint").filter(|host| !["", "?", "NULL"].contains(&&**host));
            let port = node.remove(if encrypted { "tls-port" } else { "port" })?;
            master = Some((Master { host, port: from(port)?, slots: slots.clone() }, is_online));
        }
        masters.extend(
            master
                .filter(|(_, is_online)| *is_online || !slots.is_empty())
                .map(|(master, _)| master),
        );
    }
    // All processes must get the same order.
    masters.sort_by(|a, b| (&a.host, a.port).cmp(&(&b.host, b.port)));
    Some(masters)
}

fn from<T: FromRedisValue>(value: Value) -> Option<T> {
    redis::from_redis_value(value).ok()
}

/// Returns the slot of a key: of the text between the first `{` and the next `}`, if it is not empty.
#[cfg(feature = "cluster")]
pub(super) fn slot_of(key: &str) -> u16 {
    const CRC: crc::Crc<u16> = crc::Crc::<u16>::new(&crc::CRC_16_XMODEM);
    let tagged = || {
        let (_, rest) = key.split_once('{')?;
        let (tag, _) = rest.split_once('}')?;
        (!tag.is_empty()).then_some(tag)
    };
    let slots = SLOTS as u16;
    CRC.checksum(tagged().unwrap_or(key).as_bytes()) % slots
}

/// Returns 0: no build without the feature connects to a cluster.
#[cfg(not(feature = "cluster"))]
pub(super) fn slot_of(_: &str) -> u16 {
    0
}
