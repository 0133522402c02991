//! Real PostgreSQL servers: one that the tests of a process share, and those that a test kills.

mod database;
mod last_will;
mod process;
mod programs;

use std::{
    process::{Command, Stdio},
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

pub use self::database::PostgresDatabase;
use self::{
    last_will::LastWill,
    process::{Process, Setup},
    programs::Programs,
};
use crate::port::candidates;

/// The time that a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A PostgreSQL server on a port of the loopback interface, with an empty directory of its own.
///
/// It ends with the value, also by a panic, and with the process of the test. The server runs as the
/// user of the test; if that is root, which PostgreSQL refuses, as `postgres` or `nobody`. A proxy
/// ([`Proxy`](crate::Proxy)) before it stands in for a server that does not answer.
///
/// The programs are those of the `PATH`, or of the directories of the system's packages. The variable
/// `PG_BIN` names another directory.
///
/// ```no_run
/// use cache_tests::Postgres;
///
/// let database = Postgres::shared().database();
/// database.psql("create table videos (id bigint primary key)");
/// assert_eq!(database.psql("select count(*) from videos"), "0");
///
/// let server = Postgres::start();
/// server.kill();
/// server.restart();
/// assert_eq!(server.psql("select 1"), "1");
/// ```
#[derive(Debug)]
pub struct Postgres {
    setup: Setup,
    port: u16,
    process: Mutex<Option<Process>>,
    /// Dropped last, because it also removes the directory.
    will: LastWill,
}

impl Postgres {
    /// Starts a server and waits until it accepts connections.
    ///
    /// # Panics
    ///
    /// If there is no PostgreSQL 13 or newer, or it does not start; the message holds the server's log.
    pub fn start() -> Postgres {
        let setup = Setup::new(Programs::find());
        let will = LastWill::new(setup.dir());
        let mut server = Postgres { setup, port: 0, process: Mutex::new(None), will };
        let mut log = String::new();
        for port in candidates().take(20) {
            server.port = port;
            match server.run() {
                Ok(()) => return server,
                Err(output) => log = output,
            }
        }
        panic!("PostgreSQL does not start:\n{log}");
    }

    /// Returns the server that all tests of this process share; it is never killed. Each test takes a
    /// [`database`](Postgres::database) of its own.
    ///
    /// # Panics
    ///
    /// As [`start`](Postgres::start).
    pub fn shared() -> &'static Postgres {
        static SHARED: LazyLock<Postgres> = LazyLock::new(Postgres::start);
        &SHARED
    }

    /// Creates an empty database, which is dropped with the value.
    ///
    /// # Panics
    ///
    /// If the server does not run.
    pub fn database(&self) -> PostgresDatabase<'_> {
        PostgresDatabase::create(self)
    }

    /// Returns the address of the database `postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Returns the port, the same for all of the server's lives.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server with SIGKILL. Its processes for the connections notice that and end. Nothing
    /// happens if it does not run.
    pub fn kill(&self) {
        let process = self.lock().take();
        if let Some(mut process) = process {
            process.kill();
        }
        self.will.end_with(None);
    }

    /// Starts the server again on its port, killing it first if it runs, and waits until it accepts
    /// connections. What was committed is there.
    ///
    /// # Panics
    ///
    /// As [`start`](Postgres::start).
    pub fn restart(&self) {
        self.kill();
        let deadline = Instant::now() + PATIENCE;
        // It refuses to start while a process of its former life runs.
        while let Err(log) = self.run() {
            assert!(Instant::now() < deadline, "no restart:\n{log}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns the log since the last start.
    pub fn log(&self) -> String {
        self.setup.log()
    }

    /// Runs statements in the database `postgres`, each in a transaction of its own, and returns the
    /// rows: columns are separated by `|`, rows by a line break.
    ///
    /// # Panics
    ///
    /// If the server is unavailable, or refuses a statement.
    pub fn psql(&self, statements: &str) -> String {
        self.run_psql("postgres", statements)
            .unwrap_or_else(|error| panic!("{statements}: {error}"))
    }

    /// Runs statements as [`psql`](Postgres::psql) does.
    ///
    /// # Errors
    ///
    /// Returns the error of the first statement that is refused; those after it are not run.
    pub fn try_psql(&self, statements: &str) -> Result<String, String> {
        self.run_psql("postgres", statements)
    }

    fn run_psql(&self, database: &str, statements: &str) -> Result<String, String> {
        let mut command = self.setup.programs().psql();
        command.arg(self.url_of(database));
        run_with_input(command, statements)
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Starts the process and waits until it accepts connections, or until it has ended: its log then.
    fn run(&self) -> Result<(), String> {
        let mut process = self.setup.spawn(self.port);
        self.will.end_with(Some(process.id()));
        let deadline = Instant::now() + PATIENCE;
        while !self.setup.is_ready(process.id()) {
            if process.has_ended() || Instant::now() > deadline {
                drop(process);
                self.will.end_with(None);
                return Err(self.log());
            }
            thread::sleep(Duration::from_millis(10));
        }
        *self.lock() = Some(process);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.lock().take());
        self.will.end_with(None);
        self.setup.remove_shared_memory();
    }
}

/// Returns what the program prints, or its errors.
fn run_with_input(mut command: Command, input: &str) -> Result<String, String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{command:?}: {error}"))?;
    let mut stdin = child.stdin.take().expect("its input");
    let input = input.to_owned();
    // A thread writes, because the program may first print more than a pipe holds.
    let writing = thread::spawn(move || std::io::Write::write_all(&mut stdin, input.as_bytes()));
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    // It fails if the program has ended at an error before it has read all.
    let _ = writing.join();
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim_end().to_owned()),
    }
}
