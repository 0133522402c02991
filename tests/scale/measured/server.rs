//! A Redis whose own counters are read.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use cache_tests::RedisServer;

use crate::table;

pub(crate) struct Server {
    redis: RedisServer,
    /// One connection for all questions, so that it is part of no difference.
    connection: Mutex<redis::Connection>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let redis = RedisServer::start();
        let connection = Mutex::new(redis.connect().unwrap());
        Server { redis, connection }
    }

    pub(crate) fn url(&self) -> String {
        self.redis.url()
    }

    pub(crate) fn address(&self) -> (&'static str, u16) {
        ("127.0.0.1", self.redis.port())
    }

    fn lock(&self) -> MutexGuard<'_, redis::Connection> {
        self.connection.lock().unwrap()
    }

    pub(crate) fn ask<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        redis::cmd(command[0]).arg(&command[1..]).query(&mut *self.lock()).unwrap()
    }

    fn info(&self, section: &str, field: &str) -> Option<f64> {
        let info: String = self.ask(&["INFO", section]);
        let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        value.trim().parse().ok()
    }

    /// Prints what was measured, and compares it with the paper if this is the server that the paper is
    /// about: how a server keeps its keys, and how much it has to say of itself, is its own affair.
    pub(crate) fn within(&self, what: &str, measured: f64, paper: f64, tolerance: f64) {
        let info: String = self.ask(&["INFO", "server"]);
        if info.contains("redis_version:7.") && !info.contains("valkey") {
            table::within(what, measured, paper, tolerance);
        } else {
            table::say(what, measured, "bytes, of another server than the paper's");
        }
    }

    /// The memory of everything but clients, once it has come to rest.
    pub(crate) async fn data(&self) -> f64 {
        let now = || {
            let [used, clients] = ["used_memory", "mem_clients_normal"]
                .map(|field| self.info("memory", field).unwrap());
            used - clients
        };
        let mut last = now();
        loop {
            tokio::time::sleep(Duration::from_millis(250)).await;
            // A table that grows is two tables for a while.
            let next = now();
            if (next - last).abs() < 1_000.0 {
                return next;
            }
            last = next;
        }
    }

    /// The memory of clients as it is now, and how many there are.
    pub(crate) fn clients(&self) -> (f64, f64) {
        let list: String = self.ask(&["CLIENT", "LIST"]);
        let bytes = list.split_whitespace().filter_map(|word| word.strip_prefix("tot-mem="));
        let bytes: Vec<f64> = bytes.map(|bytes| bytes.parse().unwrap()).collect();
        (bytes.iter().sum(), bytes.len() as f64)
    }

    /// Microseconds of processor time.
    pub(crate) fn cpu(&self) -> f64 {
        let [user, system] =
            ["used_cpu_user", "used_cpu_sys"].map(|field| self.info("cpu", field).unwrap());
        (user + system) * 1e6
    }

    /// Returns the number of calls of a command, and the bytes that were received and sent so far.
    pub(crate) fn calls_and_bytes(&self, command: &str) -> (f64, f64) {
        let stats: String = self.ask(&["INFO", "commandstats"]);
        let field = format!("cmdstat_{command}:calls=");
        let calls = stats.lines().find_map(|line| line.strip_prefix(&field)?.split(',').next());
        let [come, gone] = ["total_net_input_bytes", "total_net_output_bytes"]
            .map(|field| self.info("stats", field).unwrap());
        (calls.map_or(0.0, |calls| calls.parse().unwrap()), come + gone)
    }
}
