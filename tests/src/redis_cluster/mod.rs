//! Real clusters of Redis servers, one for each test that needs one.

mod builder;
mod slot_move;
mod view;

use std::collections::BTreeSet;

pub use self::{builder::RedisClusterBuilder, slot_move::SlotMove};
use self::{
    slot_move::Route,
    view::{Node, Owners, View, owners},
};
use crate::{RedisServer, replication, until_exit::keep_until_exit, wait::wait_for};

/// Masters that share the slots, each with its replicas, on ports of the loopback interface.
///
/// A node is named by its index in [`nodes`](RedisCluster::nodes), which it keeps whatever becomes
/// of it. At first the masters come first, then the replicas of the first one, and so on. All are
/// killed when the value is dropped, also by a panic.
///
/// A node that was killed can be [restarted](RedisServer::restart) and finds the others again; if
/// another has taken its place meanwhile, it becomes the replica of that one. It comes back empty,
/// so restarting a master before that happens loses the data of its replicas, too.
///
/// ```no_run
/// use cache_tests::RedisCluster;
///
/// let cluster = RedisCluster::start();
/// let master = cluster.master_of_key("key");
/// cluster.nodes()[master].cli::<()>(&["SET", "key", "value"]);
/// let promoted = cluster.fail_over(master);
/// assert_eq!(cluster.nodes()[promoted].cli::<String>(&["GET", "key"]), "value");
/// ```
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
    settings: RedisClusterBuilder,
}

impl RedisCluster {
    /// Starts three masters with a replica each and waits until they agree.
    ///
    /// # Panics
    ///
    /// If a node does not start, as [`RedisServer::start`], or they do not agree in time.
    pub fn start() -> RedisCluster {
        RedisCluster::builder().start()
    }

    /// A cluster of another size, with another timeout, a password or further arguments.
    pub fn builder() -> RedisClusterBuilder {
        RedisClusterBuilder::default()
    }

    /// The addresses of those that are masters now, with a comma between each two.
    pub fn url(&self) -> String {
        let urls: Vec<_> = self.masters().into_iter().map(|master| self.node_url(master)).collect();
        urls.join(",")
    }

    /// The address of the encrypted port of one node.
    ///
    /// # Panics
    ///
    /// If it is not up.
    pub fn encrypted_url(&self, node: usize) -> String {
        let found: Vec<String> = self.nodes[node].cli(&["CONFIG", "GET", "tls-port"]);
        format!("rediss://127.0.0.1:{}", found[1])
    }

    /// The address of one node, with its password if it has one.
    pub fn node_url(&self, node: usize) -> String {
        self.nodes[node].url()
    }

    /// All nodes, also those that were killed. They are killed, paused and asked through this.
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// The nodes that have slots now, as those say that are up.
    ///
    /// # Panics
    ///
    /// If no node is up.
    pub fn masters(&self) -> Vec<usize> {
        let ports: BTreeSet<_> = self.owners().into_iter().flatten().collect();
        (0..self.nodes.len()).filter(|node| ports.contains(&self.nodes[*node].port())).collect()
    }

    /// The first replica of a master that is up.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn replica_of(&self, master: usize) -> usize {
        *self.replicas_of(master).first().expect("a replica that is up")
    }

    /// The replicas of a master that are up.
    pub fn replicas_of(&self, master: usize) -> Vec<usize> {
        let views = self.views();
        let node = views.iter().find_map(|(_, view)| view.of_port(self.nodes[master].port()));
        let id = node.map(|node| &node.id);
        let is_replica = |view: &View| view.speaker().is_some_and(|it| it.master.as_ref() == id);
        let replicas = views.iter().filter(|(_, view)| id.is_some() && is_replica(view));
        replicas.map(|(index, _)| *index).collect()
    }

    /// The master that has the slot of a key.
    ///
    /// # Panics
    ///
    /// If no node is up, or none has the slot.
    pub fn master_of_key(&self, key: &str) -> usize {
        self.master_of_slot(self.slot_of_key(key))
    }

    /// The master that has a slot.
    ///
    /// # Panics
    ///
    /// As [`master_of_key`](RedisCluster::master_of_key).
    pub fn master_of_slot(&self, slot: u16) -> usize {
        let port = self.owners()[usize::from(slot)].expect("a slot that a master has");
        self.index(port).expect("a node of this cluster")
    }

    /// The slots of a master, in order.
    ///
    /// # Panics
    ///
    /// If no node is up.
    pub fn slots_of(&self, master: usize) -> Vec<u16> {
        let port = self.nodes[master].port();
        let slots = (0..).zip(self.owners()).filter(|(_, owner)| *owner == Some(port));
        slots.map(|(slot, _)| slot).collect()
    }

    /// The slot of a key, as the cluster says.
    ///
    /// # Panics
    ///
    /// If no node is up.
    pub fn slot_of_key(&self, key: &str) -> u16 {
        let node = self.nodes.iter().find(|node| node.is_up()).expect("a node that is up");
        node.cli(&["CLUSTER", "KEYSLOT", key])
    }

    /// Kills a master and waits until a replica has taken its place, which is returned.
    ///
    /// # Panics
    ///
    /// If it is no master, or none takes its place in time.
    pub fn fail_over(&self, master: usize) -> usize {
        self.fail_over_by(master, RedisServer::kill)
    }

    /// As [`fail_over`](RedisCluster::fail_over), after writes to the master that are confirmed but
    /// reach no replica, so the cluster loses them. All that was written before survives.
    ///
    /// The replicas are paused meanwhile: the writes must not take as long as the node timeout.
    ///
    /// # Panics
    ///
    /// As `fail_over`.
    pub fn fail_over_losing(&self, master: usize, writes: impl FnOnce(&RedisServer)) -> usize {
        let replicas: Vec<_> = self.replicas_of(master).iter().map(|it| &self.nodes[*it]).collect();
        self.fail_over_by(master, |master| replication::kill_losing(master, &replicas, writes))
    }

    /// Keeps the cluster until this process ends, also in a `static`.
    pub fn keep_until_exit(&self) {
        keep_until_exit(&self.nodes);
    }

    /// As [`fail_over`](RedisCluster::fail_over), but what makes a replica take over is for the
    /// caller to do, such as [pausing](RedisServer::pause) the master.
    ///
    /// # Panics
    ///
    /// As `fail_over`.
    pub fn fail_over_by(&self, master: usize, act: impl FnOnce(&RedisServer)) -> usize {
        let port = self.nodes[master].port();
        let slot = self.owners().iter().position(|owner| *owner == Some(port));
        let slot = u16::try_from(slot.expect("a master with slots")).expect("a slot is small");
        act(&self.nodes[master]);
        wait_for(|| match self.master_of_slot(slot) {
            same if same == master => Err(format!("none takes the place of node {master}")),
            other => self.check().map(|()| other),
        })
    }

    /// Makes a master and its replica change places, which loses nothing; returns the new master
    /// when all agree. The old one is its replica then.
    ///
    /// # Panics
    ///
    /// If it is no master with a replica, or they have not changed places in time.
    pub fn switch_over(&self, master: usize) -> usize {
        let replica = &self.nodes[self.replica_of(master)];
        self.fail_over_by(master, |_| replica.cli(&["CLUSTER", "FAILOVER"]))
    }

    /// Moves slots with their keys from one master to another, a hundred slots at a time, and waits
    /// until all agree.
    ///
    /// # Panics
    ///
    /// If the one does not have them, or the other is no master.
    pub fn move_slots(&self, slots: impl IntoIterator<Item = u16>, from: usize, to: usize) {
        let mut route = Route::new(self, from, to);
        for some in slots.into_iter().collect::<Vec<_>>().chunks(100) {
            route.begin(some);
            for slot in some {
                while route.migrate(*slot, 100) > 0 {}
            }
            route.finish(some);
        }
        self.wait_until_settled();
    }

    /// Begins to move a slot from one master to another. It stays half-way until it is told on.
    ///
    /// # Panics
    ///
    /// If the one does not have it, or the other is no master.
    pub fn begin_move(&self, slot: u16, from: usize, to: usize) -> SlotMove<'_> {
        SlotMove::begin(self, slot, Route::new(self, from, to))
    }

    /// Adds a node without slots or replicas, and waits until all know it; returns its index.
    ///
    /// # Panics
    ///
    /// If it does not start, or they do not agree in time.
    pub fn add_master(&mut self) -> usize {
        let index = self.nodes.len();
        self.nodes.push(self.settings.start_node());
        self.introduce(index);
        self.wait_until_settled();
        index
    }

    /// Waits until all nodes that are up serve, reach each other, agree on who has which slot and
    /// who is whose replica, and all replicas are in sync.
    ///
    /// # Panics
    ///
    /// If that does not happen in time; the message says what was missing.
    pub fn wait_until_settled(&self) {
        wait_for(|| self.check());
    }

    /// Introduces a node to all nodes before it. Each pair is introduced, because gossip would take seconds.
    fn introduce(&self, node: usize) {
        for known in &self.nodes[..node] {
            let (port, bus) = (known.port().to_string(), known.bus_port().to_string());
            self.nodes[node].cli::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
    }

    fn id(&self, node: usize) -> String {
        self.nodes[node].cli(&["CLUSTER", "MYID"])
    }

    fn index(&self, port: u16) -> Option<usize> {
        self.nodes.iter().position(|node| node.port() == port)
    }

    fn owners(&self) -> Owners {
        let views = self.views();
        assert!(!views.is_empty(), "no node is up");
        owners(views.iter().map(|(_, view)| view))
    }

    /// Returns the view of each node that is up.
    fn views(&self) -> Vec<(usize, View)> {
        let up = self.nodes.iter().enumerate().filter(|(_, node)| node.is_up());
        up.filter_map(|(index, node)| Some((index, view(node).ok()?))).collect()
    }

    /// Returns an error that names what [`wait_until_settled`](RedisCluster::wait_until_settled) is
    /// still waiting for.
    fn check(&self) -> Result<(), String> {
        let up: Vec<_> = self.nodes.iter().filter(|node| node.is_up()).collect();
        // First the cheap request, because this is repeated often.
        for node in &up {
            let info: String = node.try_cli(&["CLUSTER", "INFO"]).map_err(|e| e.to_string())?;
            if !info.contains("cluster_state:ok") {
                return Err(format!("node at {} does not serve: {info}", node.port()));
            }
        }
        let views = up.iter().map(|node| view(node)).collect::<Result<Vec<_>, _>>()?;
        let all = owners(&views);
        for (node, said) in up.iter().zip(&views) {
            let missing = |what: &str| Err(format!("node at {} {what}: {views:?}", node.port()));
            if said.nodes().count() != self.nodes.len() {
                return missing("does not know all");
            }
            if owners([said]) != all {
                return missing("is behind on who has which slot");
            }
            if !views.iter().filter_map(View::speaker).all(|other| agrees(said, other)) {
                return missing("is behind on another node");
            }
            let is_replica = said.speaker().is_some_and(|node| node.master.is_some());
            if is_replica && !replication::is_linked(node) {
                return missing("is not in sync with its master");
            }
        }
        Ok(())
    }
}

fn view(node: &RedisServer) -> Result<View, String> {
    let text: String = node.try_cli(&["CLUSTER", "NODES"]).map_err(|e| e.to_string())?;
    View::parse(&text).ok_or(text)
}

/// Returns whether the view of another node agrees with that of the node itself.
fn agrees(view: &View, other: &Node) -> bool {
    let seen = view.of_port(other.port);
    seen.is_some_and(|seen| seen.is_well && seen.id == other.id && seen.master == other.master)
}
