use super::{
    RedisServer,
    process::{Kind, Setup},
};

/// A server with further arguments.
///
/// ```no_run
/// use cache_tests::RedisServer;
///
/// let server = RedisServer::builder().arg("--maxmemory", "1mb").password("secret").start();
/// ```
#[derive(Debug, Default)]
pub struct RedisServerBuilder {
    kind: Kind,
    args: Vec<String>,
    password: Option<String>,
}

impl RedisServerBuilder {
    /// Adds a setting of `redis.conf`, such as `--maxmemory` with `1mb`; it wins over the usual
    /// ones.
    #[must_use]
    pub fn arg(mut self, name: &str, value: &str) -> Self {
        self.args.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// Makes the server one that has no such command.
    #[must_use]
    pub fn without(mut self, command: &str) -> Self {
        self.args.extend(["--rename-command", command, ""].map(str::to_owned));
        self
    }

    /// Makes the server request a password of letters and digits.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.arg("--requirepass", password)
    }

    /// Makes the server a node of a cluster, alone as yet.
    pub(crate) fn cluster_node(mut self) -> Self {
        self.kind = Kind::ClusterNode;
        self
    }

    /// Makes the server a sentinel, which begins with this configuration.
    pub(crate) fn sentinel(mut self, configuration: String) -> Self {
        self.kind = Kind::Sentinel(configuration);
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Panics
    ///
    /// As [`RedisServer::start`].
    pub fn start(self) -> RedisServer {
        RedisServer::start_anywhere(Setup::new(self.kind, self.args, self.password))
    }
}
