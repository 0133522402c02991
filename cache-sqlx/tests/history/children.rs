//! The processes of a history, as the test sees them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use cache_tests::Worker;

use crate::checker::Record;
use crate::event::{Event, How};
use crate::item::Item;
use crate::plan::Plan;
use crate::process::ANSWER;

/// The settings that all processes of a history get.
pub struct Setting<'a> {
    pub plan: &'a Plan,
    /// The address of the database.
    pub database: String,
    /// Its address by way of a proxy, for one of the processes.
    pub proxied: String,
    pub redis: String,
    pub namespace: String,
    pub folder: &'a Path,
}

/// One of them. When it is killed another one takes its place.
pub struct Child {
    worker: Worker,
    pub number: u64,
    role: Role,
    operations: u64,
}

/// The fate that a process may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It may be killed. Its transactions use the outbox.
    Mortal,
    /// Its connections to the database may be cut off.
    Proxied,
    Other,
}

impl Role {
    /// Returns the role of the process that is started with this number.
    pub fn of(number: u64) -> Self {
        match number {
            1 => Role::Mortal,
            2 => Role::Proxied,
            _ => Role::Other,
        }
    }
}

impl Child {
    /// Starts a process, which does nothing yet.
    pub fn new(setting: &Setting<'_>, number: u64, role: Role) -> Self {
        let worker = spawn(setting, number, role);
        Child { worker, number, role, operations: 0 }
    }

    pub fn has(&self, role: Role) -> bool {
        self.role == role
    }

    pub fn operations(&mut self) -> u64 {
        self.operations = self.call("count").parse().expect("a number");
        self.operations
    }

    /// Kills the process, and starts another one in its place. Returns its record and the number of its operations.
    pub fn replace(&mut self, setting: &Setting<'_>, number: u64) -> (Record, u64) {
        let operations = self.operations();
        self.worker.kill();
        let record = self.record(setting);
        *self = Child::new(setting, number, self.role);
        (record, operations)
    }

    pub fn obey(&mut self, command: &str, expected: &str) {
        assert_eq!(self.call(command), expected, "process {}", self.number);
    }

    /// Waits until the process is idle, and returns what is wrong with it, if anything.
    pub fn settle(&mut self) -> Option<String> {
        let answer = self.call("settle");
        (answer != "settled").then(|| format!("process {}: {answer}", self.number))
    }

    /// Returns all rows as all functions return them.
    pub fn look(&mut self) -> Vec<(How, Item)> {
        serde_json::from_str(&self.call("look")).expect("rows")
    }

    pub fn record(&self, setting: &Setting<'_>) -> Record {
        let text = fs::read(record_file(setting, self.number)).expect("a record");
        let text = String::from_utf8_lossy(&text);
        // The last line of a process that was killed may be cut off.
        let (lines, _) = text.rsplit_once('\n').unwrap_or_default();
        let event = |line| serde_json::from_str::<Event>(line).expect("an event");
        Record { process: self.number, events: lines.lines().map(event).collect() }
    }

    fn call(&mut self, command: &str) -> String {
        self.worker.send(command);
        loop {
            if let Some((_, answer)) = self.worker.receive().split_once(ANSWER) {
                return answer.to_owned();
            }
        }
    }
}

fn spawn(setting: &Setting<'_>, number: u64, role: Role) -> Worker {
    let binary = env::current_exe().expect("the path of the test");
    let name = binary.file_name().and_then(|name| name.to_str()).expect("its name");
    let database = if role == Role::Proxied { &setting.proxied } else { &setting.database };
    let mut variables = setting.plan.settings();
    variables.extend([
        ("CACHE_NAMESPACE", setting.namespace.clone()),
        ("REDIS_URL", setting.redis.clone()),
        ("HISTORY_DATABASE", database.clone()),
        ("HISTORY_LOG", record_file(setting, number).display().to_string()),
        ("HISTORY_PROCESS", number.to_string()),
        ("HISTORY_SEED", setting.plan.seed.to_string()),
        ("HISTORY_TASKS", setting.plan.tasks.to_string()),
        ("HISTORY_MORTAL", (role == Role::Mortal).to_string()),
    ]);
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let arguments = ["--exact", "process::process", "--ignored", "--nocapture"];
    Worker::spawn_program(&format!("deps/{name}"), &arguments, &variables)
}

fn record_file(setting: &Setting<'_>, number: u64) -> PathBuf {
    setting.folder.join(format!("process-{number}.jsonl"))
}
