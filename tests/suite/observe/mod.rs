//! `observe`: the calls that a future has made, and the source of each output.

mod bypasses;
mod futures;
mod many;
mod nested;
mod sources;
mod view;

use std::time::Duration;

use cache_runtime::{Observation, Source as From, Ttl, cached};

use crate::source::Source;
use crate::stores::Store;

const PATH: &str = module_path!();
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const A_MINUTE: Option<Ttl> = Some(Ttl::For(MINUTE));

#[cached(ttl = "1m", key_prefix = "observed:item", key = "{id}", tags = ["team:{team}"])]
async fn item(source: &Source, id: u64, team: &str) -> Result<u64, String> {
    _ = team;
    match source.read().await {
        0 => Err("no data".to_owned()),
        value => Ok(id * 100 + value),
    }
}

#[cached(ttl = "1h", key_prefix = "observed:page", key = "{id}")]
async fn page(source: &Source, id: u64) -> u64 {
    tokio::task::yield_now().await;
    let first = item(source, id, "red").await.unwrap();
    tokio::task::yield_now().await;
    first + item(source, id + 1, "blue").await.unwrap()
}

/// Returns the name and the source of each call.
fn told(seen: &Observation) -> Vec<(&str, From)> {
    let told = |call| -> (&str, From) {
        let call: &cache_runtime::ObservedCall = call;
        (call.name().unwrap_or("-"), call.source())
    };
    seen.calls().iter().map(told).collect()
}

/// Returns the depth and the name of each call.
fn depths(seen: &Observation) -> Vec<(usize, &str)> {
    seen.calls().iter().map(|call| (call.depth(), call.name().unwrap_or("-"))).collect()
}

/// Returns the source of a value that is stored.
fn stored(store: Store) -> From {
    if store.asks_redis_each_time() { From::Redis } else { From::Memory }
}

/// Returns true if it is this time, give or take the precision of the time of Redis.
fn is_about(time: Duration, expected: Duration) -> bool {
    time.abs_diff(expected) < 2 * SECOND
}
