//! Real Redis servers, one for each test that needs one.

mod builder;
mod process;

use std::{
    path::Path,
    sync::Mutex,
    time::{Duration, Instant},
};

use redis::{Client, Connection, FromRedisValue, RedisResult};

pub use self::builder::RedisServerBuilder;
use self::process::{Ports, Process, Setup};
use crate::port::candidates;
use crate::signal::Signal;

/// The time that a server may take to start, and to answer [`RedisServer::cli`].
const PATIENCE: Duration = Duration::from_secs(10);

/// A `redis-server` on a port of the loopback interface, with an empty directory of its own.
///
/// It is killed when the value is dropped, also by a panic. Nothing is saved unless a test says
/// `SAVE`; a server that is restarted loads what was saved.
///
/// The server runs `redis-server`, or the program that the variable `REDIS_SERVER` names.
///
/// ```no_run
/// use cache_tests::RedisServer;
///
/// let server = RedisServer::start();
/// server.cli::<()>(&["SET", "key", "value"]);
/// server.kill();
/// server.restart();
/// assert_eq!(server.cli::<Option<String>>(&["GET", "key"]), None);
/// ```
#[derive(Debug)]
pub struct RedisServer {
    setup: Setup,
    ports: Ports,
    process: Mutex<Option<Process>>,
}

impl RedisServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    ///
    /// If there is no `redis-server` or it does not start; the message holds the server's log.
    pub fn start() -> RedisServer {
        RedisServer::builder().start()
    }

    /// A server with further arguments or a password.
    pub fn builder() -> RedisServerBuilder {
        RedisServerBuilder::default()
    }

    /// The address of the server, with its password if it has one.
    pub fn url(&self) -> String {
        match &self.setup.password {
            Some(password) => format!("redis://:{password}@127.0.0.1:{}", self.port()),
            None => format!("redis://127.0.0.1:{}", self.port()),
        }
    }

    /// The address of the server's unix socket.
    pub fn socket_url(&self) -> String {
        let socket = self.setup.socket();
        match &self.setup.password {
            Some(password) => format!("redis+unix://{}?pass={password}", socket.display()),
            None => format!("redis+unix://{}", socket.display()),
        }
    }

    /// The port, the same for all of the server's lives.
    pub fn port(&self) -> u16 {
        self.ports.clients
    }

    /// The port that a node of a cluster has for the other nodes.
    pub(crate) fn bus_port(&self) -> u16 {
        self.ports.bus.expect("a node of a cluster")
    }

    /// Returns whether the server runs and is not paused.
    pub fn is_up(&self) -> bool {
        self.lock().as_ref().is_some_and(|process| !process.is_paused())
    }

    /// Its folder.
    pub(crate) fn dir(&self) -> &Path {
        self.setup.dir()
    }

    /// The number of its process.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub(crate) fn process_id(&self) -> u32 {
        self.lock().as_ref().expect("the server runs").id()
    }

    /// Kills the server with SIGKILL and waits for its end. Nothing happens if it does not run.
    pub fn kill(&self) {
        drop(self.lock().take());
    }

    /// Starts the server again on its port, killing it first if it runs, and waits until it
    /// answers.
    ///
    /// # Panics
    ///
    /// As [`start`](RedisServer::start).
    pub fn restart(&self) {
        self.kill();
        let deadline = Instant::now() + PATIENCE;
        let process = loop {
            match self.run() {
                Ok(process) => break process,
                Err(log) => assert!(Instant::now() < deadline, "no restart:\n{log}"),
            }
        };
        *self.lock() = Some(process);
    }

    /// Stops the server with SIGSTOP: connections stay open and are not answered.
    pub fn pause(&self) {
        self.signal(Signal::Stop);
    }

    /// Lets a paused server go on.
    pub fn resume(&self) {
        self.signal(Signal::Continue);
    }

    /// Returns the log since the last start.
    pub fn log(&self) -> String {
        self.setup.log()
    }

    /// Runs one command on a connection of its own, such as `cli::<i64>(&["DBSIZE"])`.
    ///
    /// # Panics
    ///
    /// If the server is unavailable, answers with an error, or with something that is no `T`.
    pub fn cli<T: FromRedisValue>(&self, command: &[&str]) -> T {
        match self.try_cli(command) {
            Ok(value) => value,
            Err(error) => panic!("{command:?}: {error}"),
        }
    }

    /// Runs one command as [`cli`](RedisServer::cli) does.
    ///
    /// # Errors
    ///
    /// Returns the answer of the server, or the error of the client.
    pub fn try_cli<T: FromRedisValue>(&self, command: &[&str]) -> RedisResult<T> {
        let (name, arguments) = command.split_first().expect("a command");
        redis::cmd(name).arg(arguments).query(&mut self.connect()?)
    }

    /// A blocking connection, for what takes several commands.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached.
    pub fn connect(&self) -> RedisResult<Connection> {
        let connection = Client::open(self.url())?.get_connection_with_timeout(PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        Ok(connection)
    }

    /// A server whose port is free as far as is known: a collision is found by the start itself.
    fn start_anywhere(setup: Setup) -> RedisServer {
        let mut server = RedisServer { setup, ports: Ports::default(), process: Mutex::new(None) };
        let mut log = String::new();
        for _ in 0..20 {
            server.ports = server.setup.choose(candidates());
            match server.run() {
                Ok(process) => {
                    *server.lock() = Some(process);
                    return server;
                }
                Err(output) => log = output,
            }
        }
        panic!("redis-server does not start:\n{log}");
    }

    /// Starts the process and waits until it answers, or until it has ended: its log then.
    fn run(&self) -> Result<Process, String> {
        let mut process = self.setup.spawn(self.ports);
        let deadline = Instant::now() + PATIENCE;
        while !self.is_answered_by(&process) {
            if process.has_ended() || Instant::now() > deadline {
                return Err(self.log());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(process)
    }

    /// Returns whether it is this process that answers; another process may have taken the port first.
    fn is_answered_by(&self, process: &Process) -> bool {
        let info: RedisResult<String> = self.try_cli(&["INFO", "server"]);
        let line = format!("process_id:{}\r\n", process.id());
        // A server may be without the command; one that is loading refuses it.
        let ping = match self.try_cli::<()>(&["PING"]) {
            Err(error) => error.to_string().contains("unknown command"),
            Ok(()) => true,
        };
        info.is_ok_and(|info| info.contains(&line)) && ping
    }

    fn signal(&self, signal: Signal) {
        self.lock().as_mut().expect("the server runs").signal(signal);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
