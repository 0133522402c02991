use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::signal::{self, Signal};

/// The setup that all runs of one server share.
#[derive(Debug)]
pub(super) struct Setup {
    kind: Kind,
    args: Vec<String>,
    pub(super) password: Option<String>,
    dir: TempDir,
}

/// The purpose of a server.
#[derive(Debug, Default)]
pub(super) enum Kind {
    #[default]
    Store,
    ClusterNode,
    /// It watches stores, and keeps what it knows of them in its configuration: here the first one.
    Sentinel(String),
}

/// The ports of a server, which are the same in all of its runs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ports {
    pub(super) clients: u16,
    /// Of a node of a cluster, for the other nodes; the usual one, 10,000 above, may be taken.
    pub(super) bus: Option<u16>,
}

impl Setup {
    pub(super) fn new(kind: Kind, args: Vec<String>, password: Option<String>) -> Setup {
        let setup =
            Setup { kind, args, password, dir: TempDir::new().expect("a temporary directory") };
        if let Kind::Sentinel(configuration) = &setup.kind {
            fs::write(setup.sentinel_file(), configuration).expect("a file of the sentinel");
        }
        setup
    }

    /// The ports of a server of this kind, of those that are free.
    pub(super) fn choose(&self, mut candidates: impl Iterator<Item = u16>) -> Ports {
        let mut next = || candidates.next().expect("there is always another one");
        let clients = next();
        Ports { clients, bus: matches!(self.kind, Kind::ClusterNode).then(next) }
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.dir.path().join("redis.sock")
    }

    /// Returns the log of the last start.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    pub(super) fn spawn(&self, ports: Ports) -> Process {
        let program = env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
        let log = File::create(self.log_file()).expect("a log file");
        let child = self
            .command(&program, ports)
            .args(["--port", &ports.clients.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--enable-debug-command", "yes"])
            .arg("--dir")
            .arg(self.dir.path())
            .arg("--unixsocket")
            .arg(self.socket())
            .args(&self.args)
            .stdin(Stdio::null())
            .stderr(log.try_clone().expect("a second handle of the log"))
            .stdout(log)
            .spawn();
        match child {
            Ok(child) => Process { child, paused: false },
            Err(error) => panic!("{program} cannot be run ({error}); `make setup` installs it"),
        }
    }

    /// The program with what its kind requests.
    fn command(&self, program: &str, ports: Ports) -> Command {
        let mut command = Command::new(program);
        if let Kind::Sentinel(_) = self.kind {
            command.arg(self.sentinel_file()).arg("--sentinel");
        }
        if let Some(bus) = ports.bus {
            command.args(["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"]);
            command.args(["--cluster-port", &bus.to_string()]);
        }
        command
    }

    fn sentinel_file(&self) -> PathBuf {
        self.dir.path().join("sentinel.conf")
    }

    fn log_file(&self) -> PathBuf {
        self.dir.path().join("redis.log")
    }
}

/// A running server, which ends with this value.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    paused: bool,
}

impl Process {
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused
    }

    pub(super) fn signal(&mut self, signal: Signal) {
        signal::send(signal, self.id());
        self.paused = matches!(signal, Signal::Stop);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
