//! Runs a history: starts everything, lets it go wrong, collects what was recorded.

use std::thread::sleep;
use std::time::{Duration, Instant};

use cache_tests::history::Database;
use cache_tests::unique_namespace;
use tempfile::TempDir;

use crate::checker::{self, Record, Verdict, Violation};
use crate::disturber::{Disturbance, Disturber};
use crate::plan::Plan;
use crate::processes::{Process, Setting, Stats};
use crate::redis::{self, Redis};

/// The outcome of a history.
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
    let namespace = unique_namespace();
    let mut redis = redis::start(plan.redis, &namespace);
    let database = Database::start();
    let folder = TempDir::new().expect("a temporary directory");
    let setting = Setting {
        plan,
        database: database.address().to_string(),
        namespace,
        folder: folder.path(),
    };
    let began = Instant::now();
    let count = plan.processes as u64;
    let mut processes: Vec<Process> =
        (1..=count).map(|number| Process::start(&setting, number, redis.access(number))).collect();
    let mut disturber = Disturber::new(plan.seed, &mut *redis, count);
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
    let stats = processes.iter_mut().map(Process::stats).fold(Stats::new(), sum);
    let Disturber { killed, done, .. } = disturber;
    unsettled.extend(immortals(&*redis));
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
fn immortals(redis: &dyn Redis) -> Option<String> {
    let mut immortals = Vec::new();
    for server in redis.servers() {
        let keys: Vec<String> = server.cli(&["KEYS", "*"]);
        // Keys that a move has left behind, in a slot that has another master by now, do not count.
        let is_immortal =
            |key: &String| server.try_cli::<i64>(&["PTTL", key]).is_ok_and(|ttl| ttl == -1);
        immortals.extend(keys.into_iter().filter(is_immortal));
    }
    (!immortals.is_empty()).then(|| format!("without a TTL: {immortals:?}"))
}
