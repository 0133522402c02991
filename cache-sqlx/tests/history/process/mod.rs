//! A process of a history. It is this test program, which obeys lines; each answer begins with [`ANSWER`].

mod changes;
mod course;
mod deferring;
mod functions;
mod reads;
mod record;
mod rows;
mod transaction;
mod work;

use std::env;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cache_runtime::{Status, cache};
use cache_sqlx::{outbox, relay};
use cache_tests::{Dice, serve};
use sqlx::postgres::PgPoolOptions;
use tokio::runtime::Handle;

use crate::event::How;
use crate::item::{self, Item};
use record::Record;
use work::Shared;

/// Precedes each answer, because the test harness prints as well.
pub const ANSWER: &str = "@@";

/// The time after which everything must be at rest when all faults have ended.
const SETTLING: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a process that the history starts"]
async fn process() {
    let Ok(database) = env::var("HISTORY_DATABASE") else { return };
    let number: i64 = variable("HISTORY_PROCESS");
    let record = Arc::new(Record::create(&variable::<String>("HISTORY_LOG"), number));
    let pool = PgPoolOptions::new().max_connections(8).connect(&database).await.unwrap();
    let is_mortal = variable("HISTORY_MORTAL");
    let shared = Arc::new(Shared { pool, record, is_mortal, writes_only: AtomicBool::new(false) });
    tokio::spawn(record::watch(Arc::clone(&shared.record)));
    let relay = relay(shared.pool.clone(), cache()).interval(Duration::from_millis(200));
    tokio::spawn(relay.run());
    let mut tasks = Vec::new();
    serve(async |command: &str| {
        let answer = obey(command, &shared, &mut tasks).await;
        format!("{ANSWER}{answer}")
    })
    .await
    .unwrap();
}

async fn obey(
    command: &str,
    shared: &Arc<Shared>,
    tasks: &mut Vec<thread::JoinHandle<()>>,
) -> String {
    match command {
        "start" => {
            shared.record.stopped.store(false, Ordering::Relaxed);
            for number in 0..variable("HISTORY_TASKS") {
                tasks.push(start(shared, number));
            }
            "started".to_owned()
        }
        "write" => {
            shared.writes_only.store(true, Ordering::Relaxed);
            "writing".to_owned()
        }
        "count" => shared.record.operations.load(Ordering::Relaxed).to_string(),
        "stop" => {
            shared.record.stopped.store(true, Ordering::Relaxed);
            while !tasks.iter().all(thread::JoinHandle::is_finished) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let is_good = tasks.drain(..).all(|task| task.join().is_ok());
            if is_good { "stopped".to_owned() } else { "a task has panicked".to_owned() }
        }
        "settle" => settle(shared).await,
        "finish" => {
            shared.record.finish().await;
            "finished".to_owned()
        }
        "look" => serde_json::to_string(&look(shared).await).unwrap(),
        _ => panic!("no command {command:?}"),
    }
}

/// Starts a task on a thread of its own, so that its futures need not be `Send`.
fn start(shared: &Arc<Shared>, number: u64) -> thread::JoinHandle<()> {
    let process: u64 = variable("HISTORY_PROCESS");
    let dice = Dice::of(variable("HISTORY_SEED"), process << 16 | number);
    let (runtime, shared) = (Handle::current(), Arc::clone(shared));
    thread::spawn(move || runtime.block_on(work::work(shared, dice)))
}

async fn settle(shared: &Shared) -> String {
    let began = Instant::now();
    loop {
        let (health, flights) = (cache().health().await, cache().stats().flights);
        let lag = outbox::lag(&shared.pool).await;
        let is_empty = lag.as_ref().is_ok_and(|lag| lag.rows == 0 && lag.poisoned == 0);
        let is_quiet = health.pending_invalidations == 0 && flights == 0;
        if is_empty && is_quiet && health.status == Status::Healthy {
            return "settled".to_owned();
        }
        if began.elapsed() > SETTLING {
            return format!("{flights} flights, outbox {lag:?}, {health:?}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Returns all rows as all functions return them.
async fn look(shared: &Shared) -> Vec<(How, Item)> {
    let (mut all, mut dice) = (Vec::new(), Dice::new(1));
    for how in [How::Item, How::Owned, How::Each, How::Page, How::Made, How::Attempt] {
        for id in item::all() {
            let (_, seen) = reads::see(shared, how, id, &mut dice).await.unwrap();
            all.extend(seen.into_iter().map(|seen| (how, seen)));
        }
    }
    all
}

fn variable<T: FromStr>(name: &str) -> T {
    let text = env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}"))
}
