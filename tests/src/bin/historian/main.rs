//! A process of a history: does what it likes with a cache for a while, and writes down what it
//! saw.
//!
//! Its cache is configured by the environment, as any other's; besides:
//!
//! | variable | meaning |
//! |---|---|
//! | `HISTORY_DATABASE` | the address of the data |
//! | `HISTORY_LOG` | the file of the record: an `Event` on each line, as JSON |
//! | `HISTORY_PROCESS` | a number that no other process of the history has, from 1 |
//! | `HISTORY_SEED` | what the random numbers are made from |
//! | `HISTORY_TASKS` | how many tasks work at the same time |
//!
//! Each command is one line and has one line as its answer:
//!
//! | command | answer |
//! |---|---|
//! | `start` | `started`: operations are being done from now on |
//! | `count` | how many have been |
//! | `hush`, `speak` | from now on nothing is changed, or as ever |
//! | `stop` | `stopped`: none are any more |
//! | `settle` | `settled`, once Redis is in use and nothing is pending; or why it is not |
//! | `stats` | the statistics of the cache, as JSON |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a process that cannot keep its record is of no use"
)]
#![allow(unreachable_pub, reason = "a program is reached by nobody")]

mod changes;
mod data;
mod many;
mod outer;
mod reads;
mod record;
mod work;

use std::env;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use cache_runtime::{Status, cache};
use cache_tests::{Dice, serve};
use tokio::task::JoinSet;

use record::Record;
use work::Work;

/// The time after which Redis must be in use again when all faults have ended.
const SETTLING: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> std::io::Result<()> {
    data::open(variable("HISTORY_DATABASE"));
    let process: u64 = variable("HISTORY_PROCESS");
    let record = Arc::new(Record::create(&variable::<String>("HISTORY_LOG"), process)?);
    tokio::spawn(record::watch(Arc::clone(&record)));
    let mut tasks = JoinSet::new();
    serve(async |command: &str| match command {
        "start" => {
            for number in 0..variable("HISTORY_TASKS") {
                let dice = Dice::of(variable("HISTORY_SEED"), process << 16 | number);
                tasks.spawn(Work::new(dice, Arc::clone(&record)).until_stopped());
            }
            "started".to_owned()
        }
        "count" => record.operations.load(Ordering::Relaxed).to_string(),
        "hush" => record.hush(true),
        "speak" => record.hush(false),
        "stop" => {
            record.stopped.store(true, Ordering::Relaxed);
            while tasks.join_next().await.is_some() {}
            "stopped".to_owned()
        }
        "settle" => {
            let answer = settle().await;
            record.finish().await;
            answer
        }
        "stats" => serde_json::to_string(&cache().stats().total).expect("plain data"),
        _ => format!("no command {command:?}"),
    })
    .await
}

async fn settle() -> String {
    let began = Instant::now();
    loop {
        let health = cache().health().await;
        let flights = cache().stats().flights;
        if health.status == Status::Healthy && health.pending_invalidations == 0 && flights == 0 {
            return "settled".to_owned();
        }
        if began.elapsed() > SETTLING {
            return format!("{flights} flights, {health:?}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn variable<T: FromStr>(name: &str) -> T {
    let text = env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}"))
}
