//! What an outage of Redis adds to a call: with the server killed, and with the server frozen.
//!
//! Each call has a key of its own, so each one would go to Redis, and each body is run.

use std::time::{Duration, Instant};

use cache_benches::median;
use cache_runtime::{CacheConfig, CacheManager, Mode, cached, with};
use cache_tests::RedisServer;
use tokio::runtime::Runtime;

/// Calls during one outage.
const CALLS: u64 = 20_000;
/// An operation may take so long: the default.
const DEADLINE: Duration = Duration::from_millis(250);

type Failure = Box<dyn std::error::Error>;

#[cached(ttl = "5m", key_prefix = "outage")]
async fn value(id: u64) -> u64 {
    plain(id).await
}

async fn plain(id: u64) -> u64 {
    tokio::task::yield_now().await;
    id
}

fn main() -> Result<(), Failure> {
    let runtime = Runtime::new()?;
    println!(
        "\n{:<28} {:>14} {:>14} {:>14} {:>14}",
        "outage", "slowest call", "calls > 5 ms", "median", "without cache"
    );
    for mode in [Mode::Redis, Mode::Tiered] {
        for frozen in [false, true] {
            let server = RedisServer::start();
            let row = runtime.block_on(outage(&server, mode, frozen))?;
            let what = if frozen { "frozen" } else { "killed" };
            println!("{:<28} {row}", format!("{mode:?}, server {what}"));
        }
    }
    Ok(())
}

/// One outage: how long its calls take.
async fn outage(server: &RedisServer, mode: Mode, frozen: bool) -> Result<String, Failure> {
    let config = CacheConfig::default().mode(mode).redis_url(server.url()).redis_timeout(DEADLINE);
    let manager = CacheManager::connect(config).await?;
    with(&manager, async {
        for id in 0..100 {
            value(id).await;
        }
    })
    .await;
    if frozen {
        server.pause();
    } else {
        server.kill();
    }
    let times = with(&manager, timed(value)).await;
    if frozen {
        server.resume();
    }
    let slow = times.iter().filter(|time| **time > Duration::from_millis(5)).count();
    let slowest = times.iter().max().copied().unwrap_or_default();
    if slowest > DEADLINE * 2 {
        return Err(format!("a call took {slowest:?}").into());
    }
    let bare = timed(plain).await;
    Ok(format!(
        "{slowest:>14.1?} {slow:>14} {:>14.1?} {:>14.1?}",
        middle(&times[times.len() / 2..]),
        middle(&bare)
    ))
}

fn middle(times: &[Duration]) -> Duration {
    Duration::from_secs_f64(median(times.iter().map(Duration::as_secs_f64).collect()))
}

/// How long each of the calls takes, one after another.
async fn timed<F: Future<Output = u64>>(call: impl Fn(u64) -> F) -> Vec<Duration> {
    let mut times = Vec::new();
    for id in 1_000..1_000 + CALLS {
        let began = Instant::now();
        assert_eq!(call(id).await, id);
        times.push(began.elapsed());
    }
    times
}
