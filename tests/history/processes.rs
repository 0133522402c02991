//! The processes of a history.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use cache_tests::history::{Event, NEXT_VERSION, Span, now_us};
use cache_tests::{Proxy, Worker};

use crate::checker::Record;
use crate::plan::Plan;
use crate::redis::Access;

/// The settings that all processes of a history get.
pub struct Setting<'a> {
    pub plan: &'a Plan,
    pub database: String,
    pub namespace: String,
    pub folder: &'a Path,
}

/// Numbers by their names in `cache_runtime::Counts`.
pub type Stats = BTreeMap<String, f64>;

/// One of the processes, and its way to Redis. When it is killed another one takes its place.
pub struct Process {
    worker: Worker,
    pub number: u64,
    pub proxy: Option<Proxy>,
    url: String,
    pauses: Vec<Span>,
    operations: u64,
}

impl Process {
    pub fn start(setting: &Setting<'_>, number: u64, access: Access) -> Self {
        let Access { url, proxy } = access;
        let worker = spawn(setting, number, &url);
        Process { worker, number, proxy, url, pauses: Vec::new(), operations: 0 }
    }

    pub fn operations(&mut self) -> u64 {
        self.operations = self.worker.call("count").parse().expect("a number");
        self.operations
    }

    /// Has it change nothing from now on, or as ever.
    fn hush(&mut self, hushed: bool) {
        self.worker.call(if hushed { "hush" } else { "speak" });
    }

    /// Stops the process while something happens.
    pub fn pause(&mut self, meanwhile: impl FnOnce()) {
        let begin = now_us();
        self.worker.pause();
        meanwhile();
        self.worker.resume();
        self.pauses.push(Span { begin, end: now_us() });
    }

    /// Kills the process, and starts another one in its place. What it has recorded, and how many
    /// operations it had done when it was last asked.
    pub fn replace(&mut self, setting: &Setting<'_>, number: u64) -> (Record, u64) {
        self.worker.kill();
        let record = self.record(setting);
        let operations = std::mem::take(&mut self.operations);
        self.worker = spawn(setting, number, &self.url);
        self.number = number;
        (record, operations)
    }

    pub fn stop(&mut self) {
        assert_eq!(self.worker.call("stop"), "stopped");
    }

    /// Waits until the process is idle, and returns what is wrong with it, if anything.
    pub fn settle(&mut self) -> Option<String> {
        let answer = self.worker.call("settle");
        (answer != "settled").then(|| format!("process {}: {answer}", self.number))
    }

    /// Returns the statistics of its cache.
    pub fn stats(&mut self) -> Stats {
        serde_json::from_str(&self.worker.call("stats")).expect("numbers by name")
    }

    pub fn record(&mut self, setting: &Setting<'_>) -> Record {
        let text = fs::read_to_string(record_file(setting, self.number)).expect("a record");
        // The last line of a process that was killed may be cut off.
        let (lines, _) = text.rsplit_once('\n').unwrap_or_default();
        let event = |line| serde_json::from_str::<Event>(line).expect("an event");
        Record {
            process: self.number,
            events: lines.lines().map(event).collect(),
            pauses: std::mem::take(&mut self.pauses),
        }
    }
}

/// Has none of them change anything from now on.
pub fn hush(processes: &mut [Process]) {
    processes.iter_mut().for_each(|process| process.hush(true));
    // Operations that are under way come to their end.
    sleep(Duration::from_millis(60));
}

/// Has them all change things as ever.
pub fn speak(processes: &mut [Process]) {
    processes.iter_mut().for_each(|process| process.hush(false));
}

fn spawn(setting: &Setting<'_>, number: u64, url: &str) -> Worker {
    let mut variables = setting.plan.settings();
    let record = record_file(setting, number);
    variables.extend([
        ("CACHE_NAMESPACE", setting.namespace.clone()),
        ("REDIS_URL", url.to_owned()),
        ("HISTORY_DATABASE", setting.database.clone()),
        ("HISTORY_LOG", record.display().to_string()),
        ("HISTORY_PROCESS", number.to_string()),
        ("HISTORY_SEED", setting.plan.seed.to_string()),
        ("HISTORY_TASKS", setting.plan.tasks.to_string()),
    ]);
    // As during a rolling deploy: every second process is of the next version.
    if number.is_multiple_of(2) {
        variables.push((NEXT_VERSION, "1".to_owned()));
    }
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut worker = Worker::spawn_program("historian", &[], &variables);
    assert_eq!(worker.call("start"), "started");
    worker
}

fn record_file(setting: &Setting<'_>, number: u64) -> PathBuf {
    setting.folder.join(format!("process-{number}.jsonl"))
}
