//! A thousand callers at once on cold keys whose load takes 20 ms: how long until all are answered,
//! as a multiple of what one load takes just then, and how many loads that took.

use std::cell::Cell;
use std::time::{Duration, Instant};

use cache_benches::stampede::{LOADERS, Loader, loads};
use cache_benches::{Contender, Effort, Figure, measure, publish, record};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const CALLERS: u64 = 1_000;

/// Which keys the callers request.
#[derive(Clone, Copy, PartialEq)]
enum Keys {
    One,
    OneEach,
}

fn main() -> std::io::Result<()> {
    let runtime = Runtime::new()?;
    let fresh = Cell::new(0);
    stampede(&runtime, &fresh, "one key", Keys::One, 20);
    stampede(&runtime, &fresh, "1,000 keys", Keys::OneEach, 5);
    Ok(())
}

fn stampede(runtime: &Runtime, fresh: &Cell<u64>, title: &str, keys: Keys, rounds: usize) {
    // With a lock around each load a thousand keys would take 20 s.
    let loaders: Vec<&Loader> =
        LOADERS.iter().filter(|loader| keys == Keys::One || !loader.one_by_one).collect();
    let most: Vec<Cell<usize>> = loaders.iter().map(|_| Cell::new(0)).collect();
    let alone = || _ = runtime.block_on((LOADERS[0].call)(0));
    let herds = loaders.iter().zip(&most).map(|(loader, most)| {
        Contender::timed(loader.name, || {
            let before = loads();
            let took = runtime.block_on(herd(loader, keys, fresh));
            most.set(most.get().max(loads() - before));
            took
        })
    });
    let contenders = [Contender::new("one load", alone)].into_iter().chain(herds).collect();
    let effort = Effort { calls: 1, ..Effort::full(rounds, 1) };
    publish("stampede", &format!("stampede, {title}"), &measure(effort, contenders));
    let group = format!("stampede, {title}, loads");
    println!("\n{group}");
    for (loader, most) in loaders.iter().zip(&most) {
        println!("  {:32} {:>11}", loader.name, most.get());
        record("stampede", &[Figure::new(&group, loader.name, most.get() as f64, "loads")]);
    }
}

/// One stampede on keys that were never requested.
async fn herd(loader: &Loader, keys: Keys, fresh: &Cell<u64>) -> Duration {
    let first = fresh.replace(fresh.get() + CALLERS);
    let call = loader.call;
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let key = if keys == Keys::One { first } else { first + caller };
        callers.spawn(async move { assert_eq!(call(key).await, key) });
    }
    callers.join_all().await;
    began.elapsed()
}
