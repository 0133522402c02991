use std::fmt;

use redis::{Cmd, Connection, FromRedisValue, RedisResult, cmd, pipe};

use super::{RedisCluster, View};

/// A slot on its way from one master to another: the one asks clients to look for what is gone
/// already at the other (`ASK`), and multi-key commands on both sides may have to wait
/// (`TRYAGAIN`).
///
/// Dropped without [`finish`](SlotMove::finish), the slot stays where it is on its way.
///
/// ```no_run
/// use cache_tests::RedisCluster;
///
/// let cluster = RedisCluster::start();
/// let from = cluster.master_of_key("{tag}1");
/// let to = (from + 1) % 3;
/// let mut moving = cluster.begin_move(cluster.slot_of_key("{tag}1"), from, to);
/// assert_eq!(moving.migrate(10), 0);
/// moving.finish();
/// assert_eq!(cluster.master_of_key("{tag}1"), to);
/// ```
pub struct SlotMove<'a> {
    cluster: &'a RedisCluster,
    slot: u16,
    route: Route,
}

impl fmt::Debug for SlotMove<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SlotMove { slot, route, cluster: _ } = self;
        f.debug_struct("SlotMove")
            .field("slot", slot)
            .field("from", &route.from.id)
            .field("to", &route.to.id)
            .finish_non_exhaustive()
    }
}

impl<'a> SlotMove<'a> {
    pub(super) fn begin(cluster: &'a RedisCluster, slot: u16, mut route: Route) -> SlotMove<'a> {
        route.begin(&[slot]);
        SlotMove { cluster, slot, route }
    }

    /// Moves this many keys, or all if there are fewer; returns how many were still there to be moved.
    pub fn migrate(&mut self, count: usize) -> usize {
        self.route.migrate(self.slot, count)
    }

    /// Moves the other keys, gives the slot to its new master, and waits until all agree.
    pub fn finish(mut self) {
        while self.migrate(100) > 0 {}
        self.route.finish(&[self.slot]);
        self.cluster.wait_until_settled();
    }
}

/// The masters that have to be told when slots move.
pub(super) struct Route {
    from: Master,
    to: Master,
    others: Vec<Master>,
    /// The end of `MIGRATE`'s arguments before the keys.
    credentials: Vec<String>,
}

struct Master {
    id: String,
    port: u16,
    connection: Connection,
}

impl Route {
    pub(super) fn new(cluster: &RedisCluster, from: usize, to: usize) -> Route {
        let masters = cluster.views().into_iter().filter(|(_, view)| is_master(view));
        let others = masters.map(|(node, _)| node).filter(|node| ![from, to].contains(node));
        let password = cluster.settings.password.iter();
        Route {
            from: Master::of(cluster, from),
            to: Master::of(cluster, to),
            others: others.map(|node| Master::of(cluster, node)).collect(),
            credentials: password.flat_map(|it| ["AUTH".to_owned(), it.clone()]).collect(),
        }
    }

    pub(super) fn begin(&mut self, slots: &[u16]) {
        self.to.set_slots(slots, "IMPORTING", &self.from.id);
        self.from.set_slots(slots, "MIGRATING", &self.to.id);
    }

    pub(super) fn migrate(&mut self, slot: u16, count: usize) -> usize {
        let mut keys = cmd("CLUSTER");
        keys.arg("GETKEYSINSLOT").arg(slot).arg(count);
        let keys: Vec<Vec<u8>> = self.from.ask(&keys);
        for key in &keys {
            let mut migrate = cmd("MIGRATE");
            migrate.arg("127.0.0.1").arg(self.to.port).arg("").arg(0).arg(5000);
            migrate.arg(&self.credentials).arg("KEYS").arg(key);
            self.from.ask::<()>(&migrate);
        }
        keys.len()
    }

    /// The new master first: were it the last, the slot would have none if it died in between.
    pub(super) fn finish(&mut self, slots: &[u16]) {
        let id = self.to.id.clone();
        for master in [&mut self.to, &mut self.from].into_iter().chain(&mut self.others) {
            master.set_slots(slots, "NODE", &id);
        }
    }
}

impl Master {
    fn of(cluster: &RedisCluster, node: usize) -> Master {
        let server = &cluster.nodes()[node];
        let connection = server.connect().expect("a node that is up");
        Master { id: cluster.id(node), port: server.port(), connection }
    }

    fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> T {
        let outcome = command.query(&mut self.connection);
        self.answered(outcome)
    }

    /// All in one go: a node writes its file for each command that comes alone.
    fn set_slots(&mut self, slots: &[u16], state: &str, node: &str) {
        let mut commands = pipe();
        for slot in slots {
            commands.cmd("CLUSTER").arg("SETSLOT").arg(slot).arg(state).arg(node).ignore();
        }
        let outcome = commands.query(&mut self.connection);
        self.answered(outcome)
    }

    fn answered<T>(&self, outcome: RedisResult<T>) -> T {
        outcome.unwrap_or_else(|error| panic!("node at {}: {error}", self.port))
    }
}

fn is_master(view: &View) -> bool {
    view.speaker().is_some_and(|speaker| speaker.master.is_none())
}
