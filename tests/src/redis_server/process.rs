use std::{
    env,
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// What all lives of one server have in common.
#[derive(Debug)]
pub(super) struct Setup {
    args: Vec<String>,
    pub(super) password: Option<String>,
    dir: TempDir,
}

impl Setup {
    pub(super) fn new(args: Vec<String>, password: Option<String>) -> Setup {
        Setup { args, password, dir: TempDir::new().expect("a temporary directory") }
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.dir.path().join("redis.sock")
    }

    /// What the server of the last start printed.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    pub(super) fn spawn(&self, port: u16) -> Process {
        let program = env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
        let log = File::create(self.log_file()).expect("a log file");
        let child = Command::new(&program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
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
            Ok(child) => Process(child),
            Err(error) => panic!("{program} cannot be run ({error}); `make setup` installs it"),
        }
    }

    fn log_file(&self) -> PathBuf {
        self.dir.path().join("redis.log")
    }
}

/// A running server, which ends with this value.
#[derive(Debug)]
pub(super) struct Process(Child);

impl Process {
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(Some(_)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
