//! Real sentinels, and a master with replicas that they watch.

mod builder;
mod said;

pub use self::builder::SentinelsBuilder;
use self::said::{Master, replicas_by, sentinels_by};
use crate::{RedisServer, replication, wait::wait_for};

/// The name that the sentinels use for the master.
const NAME: &str = "mymaster";

/// A master, its replicas and three sentinels, of which two are enough to name another master.
///
/// A server is named by its index in [`servers`](Sentinels::servers), which it keeps whatever
/// becomes of it; the first one is the master at first. All are killed when the value is dropped,
/// also by a panic.
///
/// A server that was killed can be [restarted](RedisServer::restart): the sentinels make a replica
/// of it, unless it is still the master.
///
/// ```no_run
/// use cache_tests::Sentinels;
///
/// let sentinels = Sentinels::start();
/// let master = sentinels.master();
/// let promoted = sentinels.fail_over();
/// assert_ne!(promoted, master);
/// sentinels.servers()[promoted].cli::<()>(&["SET", "key", "value"]);
/// ```
#[derive(Debug)]
pub struct Sentinels {
    servers: Vec<RedisServer>,
    sentinels: Vec<RedisServer>,
    settings: SentinelsBuilder,
}

impl Sentinels {
    /// Starts a master with one replica and the sentinels, and waits until they agree.
    ///
    /// # Panics
    ///
    /// If one does not start, as [`RedisServer::start`], or they do not agree in time.
    pub fn start() -> Sentinels {
        Sentinels::builder().start()
    }

    /// Sentinels that watch more replicas, or passwords.
    pub fn builder() -> SentinelsBuilder {
        SentinelsBuilder::default()
    }

    /// The addresses of all sentinels as one, with the name of the master and the passwords.
    pub fn url(&self) -> String {
        let hosts = self.sentinels.iter().map(|it| format!("127.0.0.1:{}", it.port()));
        let hosts = hosts.collect::<Vec<_>>().join(",");
        let password = self.settings.password.as_ref();
        let password = password.map(|it| format!(":{it}@")).unwrap_or_default();
        let sentinel = self.settings.sentinel_password.as_ref();
        let sentinel = sentinel.map(|it| format!("?sentinel_password={it}")).unwrap_or_default();
        format!("redis-sentinel://{password}{hosts}/{NAME}{sentinel}")
    }

    /// The master and the replicas, also those that were killed. They are killed, paused and asked
    /// through this.
    pub fn servers(&self) -> &[RedisServer] {
        &self.servers
    }

    /// The sentinels, also those that were killed.
    pub fn sentinels(&self) -> &[RedisServer] {
        &self.sentinels
    }

    /// The master that the sentinels name now.
    ///
    /// # Panics
    ///
    /// If no sentinel is up.
    pub fn master(&self) -> usize {
        let named = self.up().filter_map(|sentinel| Master::by(sentinel).ok());
        // The later one counts, as among the sentinels.
        let latest = named.max_by_key(|master| master.epoch).expect("a sentinel that is up");
        self.index(latest.port).expect("one of these servers")
    }

    /// Kills the master and waits until the sentinels have made a replica the master, which is
    /// returned.
    ///
    /// # Panics
    ///
    /// If that does not happen in time.
    pub fn fail_over(&self) -> usize {
        self.fail_over_by(RedisServer::kill)
    }

    /// As [`fail_over`](Sentinels::fail_over), after writes to the master that are confirmed but
    /// reach no replica, so that they are lost. All that was written before survives.
    ///
    /// The replicas are paused meanwhile: the writes must take less than some seconds.
    ///
    /// # Panics
    ///
    /// As `fail_over`.
    pub fn fail_over_losing(&self, writes: impl FnOnce(&RedisServer)) -> usize {
        let master = self.master();
        let replicas: Vec<_> = self.replicas(master).collect();
        self.fail_over_by(|master| replication::kill_losing(master, &replicas, writes))
    }

    /// As [`fail_over`](Sentinels::fail_over), but what makes a replica take over is for the caller
    /// to do, such as [pausing](RedisServer::pause) the master.
    ///
    /// # Panics
    ///
    /// As `fail_over`.
    pub fn fail_over_by(&self, act: impl FnOnce(&RedisServer)) -> usize {
        let master = self.master();
        act(&self.servers[master]);
        wait_for(|| match self.master() {
            same if same == master => Err("no other master is named".to_owned()),
            other => self.check().map(|()| other),
        })
    }

    /// Makes the sentinels elect another master though the present one is healthy; it becomes a
    /// replica, and its clients are disconnected. Returns the new one.
    ///
    /// # Panics
    ///
    /// If there is no replica that can take over, or it has not in time.
    pub fn switch_over(&self) -> usize {
        let sentinel = self.up().next().expect("a sentinel that is up");
        self.fail_over_by(|_| sentinel.cli(&["SENTINEL", "FAILOVER", NAME]))
    }

    /// Returns whether all replicas that are up have all data of the master.
    pub fn is_in_sync(&self) -> bool {
        self.check_replicas(self.master()).is_ok()
    }

    /// Waits until all replicas that are up have all that the master has.
    ///
    /// # Panics
    ///
    /// If that does not happen in time.
    pub fn wait_in_sync(&self) {
        wait_for(|| self.check_replicas(self.master()));
    }

    /// Waits until all sentinels that are up name the same master and see each other and all
    /// replicas that are up, and these are in sync.
    ///
    /// # Panics
    ///
    /// If that does not happen in time; the message says what was missing.
    pub fn wait_until_settled(&self) {
        wait_for(|| self.check());
    }

    fn up(&self) -> impl Iterator<Item = &RedisServer> {
        self.sentinels.iter().filter(|sentinel| sentinel.is_up())
    }

    fn replicas(&self, master: usize) -> impl Iterator<Item = &RedisServer> {
        let servers = self.servers.iter().enumerate();
        servers.filter(move |(index, it)| *index != master && it.is_up()).map(|(_, it)| it)
    }

    fn index(&self, port: u16) -> Option<usize> {
        self.servers.iter().position(|server| server.port() == port)
    }

    fn check_replicas(&self, master: usize) -> Result<(), String> {
        let mut replicas = self.replicas(master);
        let behind = replicas.find(|it| !replication::is_in_sync(&self.servers[master], it));
        behind.map_or(Ok(()), |it| Err(format!("replica at {} is not in sync", it.port())))
    }

    /// Returns an error that names what [`wait_until_settled`](Sentinels::wait_until_settled) is still
    /// waiting for.
    fn check(&self) -> Result<(), String> {
        let master = self.master();
        for sentinel in self.up() {
            let missing = |what| Err(format!("sentinel at {} {what}", sentinel.port()));
            let said = Master::by(sentinel)?;
            if said.port != self.servers[master].port() || !said.is_well {
                return missing(format!("has another view of the master: {said:?}"));
            }
            let replicas = replicas_by(sentinel)?;
            if let Some(unseen) = self.replicas(master).find(|it| !replicas.contains(&it.port())) {
                return missing(format!("does not see the replica at {}", unseen.port()));
            }
            let sentinels = sentinels_by(sentinel)?;
            let mut others = self.up().filter(|other| other.port() != sentinel.port());
            if let Some(unseen) = others.find(|it| !sentinels.contains(&it.port())) {
                return missing(format!("does not see the sentinel at {}", unseen.port()));
            }
        }
        self.check_replicas(master)
    }
}
