use std::time::Duration;

use super::{NAME, Sentinels};
use crate::{RedisServer, wait::wait_for};

/// The periods of the sentinels that are shorter than usual, in milliseconds. A restarted sentinel has
/// the usual ones.
const PERIODS: [(&str, &str); 4] = [
    // They find each other by what they publish. Four times as long a server may say that it is a
    // master before it is made a replica: one that is promoted must have been noticed by then.
    ("PUBLISH-PERIOD", "400"),
    ("INFO-PERIOD", "1000"),
    // It has to be well below the time after which a silent server counts as down; and a replica
    // takes over only if its last `INFO`, one each second, is younger than five of these.
    ("PING-PERIOD", "300"),
    // How long a sentinel keeps still after the whole machine stood still.
    ("TILT-PERIOD", "1000"),
];

/// Sentinels that watch more replicas, or passwords.
///
/// ```no_run
/// use cache_tests::Sentinels;
///
/// let sentinels = Sentinels::builder()
///     .replicas(2)
///     .password("secret")
///     .sentinel_password("hidden")
///     .start();
/// ```
#[derive(Debug, Clone)]
pub struct SentinelsBuilder {
    replicas: usize,
    pub(super) password: Option<String>,
    pub(super) sentinel_password: Option<String>,
    down_after: Duration,
    args: Vec<(String, String)>,
}

impl Default for SentinelsBuilder {
    fn default() -> Self {
        SentinelsBuilder {
            replicas: 1,
            password: None,
            sentinel_password: None,
            down_after: Duration::from_millis(500),
            args: vec![],
        }
    }
}

impl SentinelsBuilder {
    /// Sets the number of replicas of the master (default 1).
    #[must_use]
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas;
        self
    }

    /// Makes the master and its replicas request a password of letters and digits.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Makes the sentinels themselves request a password of letters and digits.
    #[must_use]
    pub fn sentinel_password(mut self, password: &str) -> Self {
        self.sentinel_password = Some(password.to_owned());
        self
    }

    /// After how long a server that is silent counts as down: half a second unless said otherwise.
    #[must_use]
    pub fn down_after(mut self, silence: Duration) -> Self {
        self.down_after = silence;
        self
    }

    /// Adds a setting of `redis.conf` to the master and its replicas, as
    /// [`RedisServerBuilder::arg`](crate::RedisServerBuilder::arg) does to one.
    #[must_use]
    pub fn arg(mut self, name: &str, value: &str) -> Self {
        self.args.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts all and waits until the replicas are in sync and the sentinels know them and each
    /// other.
    ///
    /// # Panics
    ///
    /// If one does not start, as [`RedisServer::start`], or they do not agree in time.
    pub fn start(self) -> Sentinels {
        let servers: Vec<_> = (0..=self.replicas).map(|_| self.start_server()).collect();
        let port = servers[0].port().to_string();
        for replica in &servers[1..] {
            replica.cli::<()>(&["REPLICAOF", "127.0.0.1", &port]);
        }
        let sentinels = Sentinels { servers, sentinels: Vec::new(), settings: self };
        // Then the sentinels find the replicas when they first look.
        wait_for(|| sentinels.check_replicas(0));
        let watching = (0..3).map(|_| sentinels.settings.start_sentinel(&port)).collect();
        let sentinels = Sentinels { sentinels: watching, ..sentinels };
        sentinels.wait_until_settled();
        sentinels
    }

    fn start_server(&self) -> RedisServer {
        let mut server = RedisServer::builder()
            .arg("--repl-diskless-sync-delay", "0")
            .arg("--repl-ping-replica-period", "1");
        if let Some(password) = &self.password {
            server = server.password(password).arg("--masterauth", password);
        }
        let args = self.args.iter();
        args.fold(server, |server, (name, value)| server.arg(name, value)).start()
    }

    fn start_sentinel(&self, master: &str) -> RedisServer {
        let mut server = RedisServer::builder().sentinel(self.configuration(master));
        if let Some(password) = &self.sentinel_password {
            server = server.password(password);
        }
        let sentinel = server.start();
        for (period, milliseconds) in PERIODS {
            sentinel.cli::<()>(&["SENTINEL", "DEBUG", period, milliseconds]);
        }
        sentinel
    }

    fn configuration(&self, master: &str) -> String {
        let down_after = self.down_after.as_millis();
        let mut lines = vec![
            "sentinel resolve-hostnames no".to_owned(),
            "sentinel announce-ip 127.0.0.1".to_owned(),
            format!("sentinel monitor {NAME} 127.0.0.1 {master} 2"),
            format!("sentinel down-after-milliseconds {NAME} {down_after}"),
            format!("sentinel failover-timeout {NAME} 3000"),
        ];
        let password = self.password.iter();
        lines.extend(password.map(|password| format!("sentinel auth-pass {NAME} {password}")));
        let password = self.sentinel_password.iter();
        lines.extend(password.map(|password| format!("sentinel sentinel-pass {password}")));
        lines.join("\n")
    }
}
