//! The same values in a cluster, without a cache; and the requests that its masters get.

use std::sync::Arc;

use cache_tests::RedisCluster;
use futures_util::future::join_all;
use redis::Pipeline;
use redis::aio::MultiplexedConnection;

use super::redis::ids_of;
use crate::redis::{Commands, Failure, Ids, SMALL, raw};

/// The number of masters.
const MASTERS: usize = 3;

/// The commands of each list, by master.
#[derive(Clone, Debug)]
pub struct RawLists {
    connections: Vec<MultiplexedConnection>,
    pipelines: Arc<[Vec<Pipeline>]>,
}

impl RawLists {
    /// Stores the values of this many lists.
    ///
    /// # Errors
    ///
    /// If the cluster says so.
    pub async fn start(cluster: &RedisCluster, lists: u64) -> Result<Self, Failure> {
        let mut connections = Vec::new();
        for master in 0..MASTERS {
            connections.push(raw::connect(&cluster.node_url(master)).await?);
        }
        let slots: Vec<_> = (0..MASTERS).map(|master| cluster.slots_of(master)).collect();
        let value = SMALL.value();
        let mut pipelines = Vec::new();
        for list in 0..lists {
            let mut gets = vec![Pipeline::new(); MASTERS];
            let mut sets = gets.clone();
            for id in ids_of(list) {
                let key = format!("raw:{id}");
                let slot = cluster.slot_of_key(&key);
                let owner = slots.iter().position(|slots| slots.contains(&slot));
                let owner = owner.ok_or("a slot without a master")?;
                gets[owner].get(&key);
                sets[owner].set(&key, &value).ignore();
            }
            for (sets, connection) in sets.iter().zip(&mut connections) {
                sets.query_async::<()>(connection).await?;
            }
            pipelines.push(gets);
        }
        Ok(RawLists { connections, pipelines: pipelines.into() })
    }

    /// Requests the values of these lists: from all masters at once, the commands of each pipelined.
    pub async fn get(self, numbers: Ids) {
        for number in numbers {
            let each = self.pipelines[number as usize].iter().zip(&self.connections);
            let asked = each.map(|(pipeline, connection)| {
                let mut connection = connection.clone();
                async move { pipeline.query_async::<Vec<Option<Vec<u8>>>>(&mut connection).await }
            });
            for values in join_all(asked).await {
                assert!(values.is_ok_and(|values| values.iter().all(Option::is_some)), "values");
            }
        }
    }
}

/// The requests that the masters have got.
#[derive(Clone, Debug)]
pub struct Requests {
    commands: Vec<Commands>,
    reads: u64,
}

impl Requests {
    /// Those since the start.
    pub fn of(cluster: &RedisCluster) -> Self {
        let masters = || cluster.nodes().iter().take(MASTERS);
        let commands = masters().map(Commands::of).collect();
        let reads = masters().map(|server| {
            let info = server.cli::<String>(&["INFO", "stats"]);
            let mut lines = info.lines();
            let number = lines.find_map(|line| line.strip_prefix("total_reads_processed:"));
            number.and_then(|number| number.trim().parse::<u64>().ok()).unwrap_or(0)
        });
        Requests { commands, reads: reads.sum() }
    }

    /// Returns the number of commands since `before`.
    pub fn commands_since(&self, before: &Requests) -> u64 {
        let each = self.commands.iter().zip(&before.commands);
        each.map(|(now, before)| now.sent_since(before)).sum()
    }

    /// Returns how often the masters have read from a connection since `before`.
    pub fn reads_since(&self, before: &Requests) -> u64 {
        self.reads - before.reads
    }
}
