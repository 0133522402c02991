//! The tools of the behaviour suite: Redis servers of its own, alone, in clusters and under sentinels,
//! PostgreSQL servers, an unreliable network in front of them, child processes, counters.
//!
//! Everything here panics when it fails: a test cannot go on without it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "support of tests: a failure ends the test with its message"
)]

mod certificates;
mod counter;
mod dice;
#[cfg(doctest)]
mod guide;
pub mod history;
mod namespace;
mod port;
mod postgres;
mod proxy;
mod redis_cluster;
mod redis_sentinels;
mod redis_server;
mod replication;
mod serve;
mod signal;
/// Texts that people write, and if they are accepted.
pub mod texts;
mod until_exit;
mod wait;
mod worker;

pub use certificates::{Authority, EncryptedSentinel, EncryptedServer, Identity};
pub use counter::Counter;
pub use dice::Dice;
pub use namespace::unique_namespace;
pub use port::free_port;
pub use postgres::{Postgres, PostgresDatabase};
pub use proxy::{Proxy, Way};
pub use redis_cluster::{RedisCluster, RedisClusterBuilder, SlotMove};
pub use redis_sentinels::{Sentinels, SentinelsBuilder};
pub use redis_server::{RedisServer, RedisServerBuilder};
pub use serve::serve;
pub use worker::Worker;
