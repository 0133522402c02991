use std::time::Duration;

use super::{RedisCluster, view::SLOTS};
use crate::{Authority, Identity, RedisServer, certificates::Certificates, wait::wait_for};

/// A cluster of another size, with another timeout, a password or further arguments.
///
/// ```no_run
/// use std::time::Duration;
///
/// use cache_tests::RedisCluster;
///
/// let cluster = RedisCluster::builder()
///     .replicas(2)
///     .node_timeout(Duration::from_millis(500))
///     .password("secret")
///     .arg("--cluster-require-full-coverage", "no")
///     .start();
/// ```
#[derive(Debug, Clone)]
pub struct RedisClusterBuilder {
    masters: usize,
    replicas: usize,
    node_timeout: Duration,
    pub(super) password: Option<String>,
    args: Vec<(String, String)>,
    certificates: Option<Certificates>,
}

impl Default for RedisClusterBuilder {
    fn default() -> Self {
        let node_timeout = Duration::from_millis(1000);
        RedisClusterBuilder {
            masters: 3,
            replicas: 1,
            node_timeout,
            password: None,
            args: vec![],
            certificates: None,
        }
    }
}

impl RedisClusterBuilder {
    /// Sets the number of masters that share the slots (default 3). With fewer, no replica is promoted
    /// automatically.
    #[must_use]
    pub fn masters(mut self, masters: usize) -> Self {
        self.masters = masters;
        self
    }

    /// Sets the number of replicas of each master (default 1).
    #[must_use]
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas;
        self
    }

    /// After how long a node that is silent counts as failing: a second unless said otherwise.
    #[must_use]
    pub fn node_timeout(mut self, timeout: Duration) -> Self {
        self.node_timeout = timeout;
        self
    }

    /// Makes all nodes request a password of letters and digits.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Adds a setting of `redis.conf` to all nodes, as
    /// [`RedisServerBuilder::arg`](crate::RedisServerBuilder::arg) does to one.
    #[must_use]
    pub fn arg(mut self, name: &str, value: &str) -> Self {
        self.args.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Makes all nodes speak TLS to each other, and gives each an encrypted port beside the one that it
    /// is steered by. The certificate has to be valid for `127.0.0.1`.
    #[must_use]
    pub fn encrypted(mut self, authority: &Authority, identity: &Identity) -> Self {
        self.certificates = Some(Certificates::new(authority, identity, "no"));
        self.arg("--tls-cluster", "yes").arg("--tls-replication", "yes")
    }

    /// Starts the nodes, makes a cluster of them and waits until all agree and all replicas are in
    /// sync.
    ///
    /// # Panics
    ///
    /// If a node does not start, as [`RedisServer::start`], or they do not agree in time.
    pub fn start(self) -> RedisCluster {
        let (masters, replicas) = (self.masters, self.replicas);
        let nodes = (0..masters * (1 + replicas)).map(|_| self.start_node()).collect();
        let cluster = RedisCluster { nodes, settings: self };
        for (index, node) in cluster.nodes[..masters].iter().enumerate() {
            let (first, end) = (share(index, masters), share(index + 1, masters));
            node.cli::<()>(&[
                "CLUSTER",
                "ADDSLOTSRANGE",
                &first.to_string(),
                &(end - 1).to_string(),
            ]);
            node.cli::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()]);
        }
        for index in 1..cluster.nodes.len() {
            cluster.introduce(index);
        }
        for (index, replica) in cluster.nodes[masters..].iter().enumerate() {
            let master = cluster.id(index / replicas);
            // It must know its master first.
            wait_for(|| {
                replica.try_cli::<()>(&["CLUSTER", "REPLICATE", &master]).map_err(|e| e.to_string())
            });
        }
        cluster.wait_until_settled();
        cluster
    }

    /// A node that knows no other.
    pub(super) fn start_node(&self) -> RedisServer {
        let mut server = RedisServer::builder()
            .cluster_node()
            .arg("--cluster-node-timeout", &self.node_timeout.as_millis().to_string())
            .arg("--cluster-announce-ip", "127.0.0.1")
            // However long a replica was cut off, it may take over.
            .arg("--cluster-replica-validity-factor", "0")
            // Who is whose replica is for a test to say.
            .arg("--cluster-allow-replica-migration", "no")
            .arg("--repl-diskless-sync-delay", "0")
            .arg("--repl-ping-replica-period", "1");
        if let Some(password) = &self.password {
            server = server.password(password).arg("--masterauth", password);
        }
        if let Some(certificates) = &self.certificates {
            server = certificates.encrypt(server).0;
        }
        let args = self.args.iter();
        args.fold(server, |server, (name, value)| server.arg(name, value)).start()
    }
}

/// The first slot of a master's share, or the end of the share of the one before.
fn share(index: usize, masters: usize) -> usize {
    index * usize::from(SLOTS) / masters
}
