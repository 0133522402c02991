use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::programs::Programs;
use crate::signal::{self, Signal};

/// The settings of every server. Nothing is written through to the disk, because only the process is
/// ever killed, and never the system; a commit is in the hands of the system when it is confirmed.
const SETTINGS: [&str; 9] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=16MB",
    "dynamic_shared_memory_type=mmap",
    "max_connections=200",
    "autovacuum=off",
    "deadlock_timeout=100ms",
];

/// The setup that all runs of one server share.
#[derive(Debug)]
pub(super) struct Setup {
    programs: Programs,
    dir: TempDir,
}

impl Setup {
    /// Makes an empty data directory.
    pub(super) fn new(programs: Programs) -> Setup {
        let dir = TempDir::new().expect("a temporary directory");
        programs.give_to_user(dir.path());
        let setup = Setup { programs, dir };
        let output = setup
            .programs
            .server_program("initdb", setup.dir())
            .arg("--pgdata")
            .arg(setup.data())
            .args(["--username", "postgres", "--auth", "trust"])
            .args(["--encoding", "UTF8", "--no-locale", "--no-sync"])
            .output()
            .expect("initdb can be run");
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        setup
    }

    pub(super) fn programs(&self) -> &Programs {
        &self.programs
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Returns the log of the last start.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    pub(super) fn spawn(&self, port: u16) -> Process {
        let log = File::create(self.log_file()).expect("a log file");
        let mut command = self.programs.server_program("postgres", self.dir());
        command.arg("-D").arg(self.data()).args(["-p", &port.to_string()]);
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        let child = command
            .stdin(Stdio::null())
            .stderr(log.try_clone().expect("a second handle of the log"))
            .stdout(log)
            .spawn();
        Process { child: child.expect("postgres can be run") }
    }

    /// Returns whether this process accepts connections. Its own file says so, because another server may
    /// have taken the port first.
    pub(super) fn is_ready(&self, process: u32) -> bool {
        let file = self.process_file();
        let mut lines = file.lines();
        lines.next() == Some(&process.to_string()) && lines.any(|line| line.trim_end() == "ready")
    }

    /// Removes the shared memory that a server leaves in the system when it is killed; the next start in
    /// this directory would do so, too.
    pub(super) fn remove_shared_memory(&self) {
        let file = self.process_file();
        let id = file.lines().nth(6).and_then(|line| line.split_whitespace().nth(1));
        if let Some(id) = id {
            // It fails where there is no such program; the memory is small.
            let _ = Command::new("ipcrm").args(["-m", id]).output();
        }
    }

    /// Returns the file of the server's process: its number, its state and its shared memory. It is gone
    /// once the server has ended by itself.
    fn process_file(&self) -> String {
        fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default()
    }

    fn data(&self) -> PathBuf {
        self.dir().join("data")
    }

    fn log_file(&self) -> PathBuf {
        self.dir().join("postgres.log")
    }
}

/// A running server, which ends with this value.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
}

impl Process {
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Ends it with SIGKILL, and waits for its end.
    pub(super) fn kill(&mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    /// Ends it at once, but lets it end its own processes and remove its shared memory.
    fn drop(&mut self) {
        if !self.has_ended() {
            signal::send(Signal::Quit, self.id());
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.has_ended() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        self.kill();
    }
}
