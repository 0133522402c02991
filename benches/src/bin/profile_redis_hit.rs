//! Hits in Redis and nothing else, for a profiler:
//!
//! ```text
//! valgrind --tool=callgrind --toggle-collect='profile_redis_hit::hits*' profile_redis_hit tiered 5000
//! ```
//!
//! The arguments are who asks (`get`, `tiered`, `mget`, `redis`), the number of calls, how many tasks
//! make them, for how many values, and on how many threads; each has a default. With one value and
//! many tasks the calls of `redis` share what they read.

use std::env::args;
use std::process::ExitCode;
use std::time::Instant;

use cache_benches::redis::{Cursor, Failure, SMALL, ours, raw, spread};
use cache_tests::RedisServer;
use tokio::runtime::{Builder, Runtime};

const USAGE: &str =
    "profile_redis_hit [get | tiered | mget | redis] [calls] [tasks] [values] [threads]";

fn main() -> ExitCode {
    match profile() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn profile() -> Result<(), Failure> {
    let mut given = args().skip(1);
    let who = given.next().unwrap_or_else(|| "tiered".into());
    let mut number = |default: usize| given.next().map_or(Ok(default), |text| text.parse());
    let (calls, tasks) = (number(100_000)?, number(1)?);
    let (values, threads) = (number(SMALL.keys as usize)?, number(1)?);
    let server = RedisServer::start();
    let runtime = match threads {
        1 => Builder::new_current_thread().enable_all().build()?,
        _ => Builder::new_multi_thread().worker_threads(threads).enable_all().build()?,
    };
    let mut raw = runtime.block_on(raw::connect(&server.url()))?;
    runtime.block_on(raw::fill(&mut raw, SMALL))?;
    runtime.block_on(ours::start(&server.url()))?;
    let (keys, of_hits) = (raw::keys(SMALL), runtime.block_on(raw::keys_of_hits(&mut raw))?);
    let cursor = Cursor::new(SMALL.keys.min(values as u64));
    let began = Instant::now();
    match who.as_str() {
        "get" => hits(
            &runtime,
            spread(tasks, calls, &cursor, None, |ids| raw::get(raw.clone(), keys.clone(), ids)),
        ),
        "mget" => hits(
            &runtime,
            spread(tasks, calls, &cursor, None, |ids| raw::mget(raw.clone(), of_hits.clone(), ids)),
        ),
        "tiered" => {
            hits(&runtime, spread(tasks, calls, &cursor, None, |ids| ours::ask_tiered(SMALL, ids)))
        }
        "redis" => hits(&runtime, spread(tasks, calls, &cursor, None, ours::ask_redis)),
        _ => return Err(format!("nobody asks as {who}").into()),
    }
    println!("{:?} a call", began.elapsed().div_f64(calls as f64));
    ours::answered_by_redis()?;
    Ok(())
}

/// Marks the part of the program that is profiled.
#[inline(never)]
fn hits(runtime: &Runtime, hits: impl Future<Output = ()>) {
    runtime.block_on(hits);
}
