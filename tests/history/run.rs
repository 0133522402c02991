//! Runs a history: starts everything, lets it go wrong, collects what was recorded.

use std::thread::sleep;
use std::time::{Duration, Instant};

use cache_tests::history::Database;
use cache_tests::{RedisServer, unique_namespace};
use tempfile::TempDir;

use crate::checker::{self, Record, Verdict, Violation};
use crate::disturber::{Disturbance, Disturber};
use crate::plan::Plan;
use crate::processes::{Process, Setting, Stats};

/// What came of a history.
pub struct Outcome {
    pub plan: Plan,
    pub records: Vec<Record>,
    pub disturbances: Vec<Disturbance>,
    pub operations: u64,
    pub lasted: Duration,
    /// Of those processes that lived to the end.
    pub stats: Stats,
    pub verdict: Verdict,
}

pub fn run(plan: &Plan) -> Outcome {
    let server = RedisServer::start();
    let database = Database::start();
    let folder = TempDir::new().expect("a temporary directory");
    let setting = Setting {
        plan,
        database: database.address().to_string(),
        namespace: unique_namespace(),
        folder: folder.path(),
    };
    let began = Instant::now();
    let count = plan.processes as u64;
    let mut processes: Vec<Process> =
        (1..=count).map(|number| Process::start(&setting, number, server.port())).collect();
    let mut disturber = Disturber::new(plan.seed, &server, count);
    while !is_done(plan, began.elapsed(), &mut processes, disturber.lost_operations) {
        if plan.calm {
            sleep(Duration::from_millis(200));
        } else {
            disturber.disturb(&setting, &mut processes);
            disturber.calm();
        }
    }
    let operations = operations(&mut processes) + disturber.lost_operations;
    processes.iter_mut().for_each(Process::stop);
    let lasted = began.elapsed();
    let mut unsettled: Vec<_> = processes.iter_mut().filter_map(Process::settle).collect();
    unsettled.extend(immortals(&server));
    let stats = processes.iter_mut().map(Process::stats).fold(Stats::new(), sum);
    let Disturber { killed, done, .. } = disturber;
    let mut records = killed;
    records.extend(processes.iter_mut().map(|process| process.record(&setting)));
    let mut verdict = checker::check(&records, plan.bounds());
    verdict.violations.extend(unsettled.into_iter().map(Violation::Unsettled));
    let disturbances = done;
    Outcome { plan: plan.clone(), records, disturbances, operations, lasted, stats, verdict }
}

fn is_done(plan: &Plan, lasted: Duration, processes: &mut [Process], lost: u64) -> bool {
    let done = operations(processes) + lost;
    plan.operations.map_or(lasted >= plan.length, |wanted| done >= wanted)
}

fn operations(processes: &mut [Process]) -> u64 {
    processes.iter_mut().map(Process::operations).sum()
}

fn sum(mut total: Stats, more: Stats) -> Stats {
    for (name, number) in more {
        *total.entry(name).or_default() += number;
    }
    total
}

/// Keys that would stay in Redis for ever.
fn immortals(server: &RedisServer) -> Option<String> {
    let keys: Vec<String> = server.cli(&["KEYS", "*"]);
    let immortal = |key: &String| server.cli::<i64>(&["PTTL", key]) == -1;
    let keys: Vec<String> = keys.into_iter().filter(immortal).collect();
    (!keys.is_empty()).then(|| format!("without a TTL: {keys:?}"))
}
