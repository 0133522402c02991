//! The memory of a process that stores and reads values of many kinds from many threads, and its memory
//! afterwards.
//!
//! Each measurement runs in a process of its own: this program, started again with one test, that of the
//! child.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::read_to_string;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use serde::{Deserialize, Serialize};

use super::Store;
use crate::output::CacheValue;

/// The task of the child: the kind of its values, the number of threads, the number of processors that it
/// sees.
const ORDER: &str = "CACHE_TEST_RESIDENT";
const MIB: u64 = 1 << 20;

/// The capacity of a child's store that is filled fast.
const SMALL: u64 = 8 * MIB;
/// The default capacity.
const LARGE: u64 = 64 * MIB;

type Wide = [u64; 14];

#[derive(Clone, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "that is what it is for")]
enum Event {
    Tick,
    Key(u8),
    Frame { pixels: [u64; 32] },
}

/// A value that counts its instances.
#[derive(Serialize, Deserialize)]
struct Counted(Vec<u8>);

static ALIVE: AtomicU64 = AtomicU64::new(0);

impl Clone for Counted {
    fn clone(&self) -> Self {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Counted(self.0.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Counted {
    fn new(bytes: usize) -> Self {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Counted(vec![7; bytes])
    }
}

#[test]
fn values_of_every_kind_stay_within_the_capacity() {
    let kinds = ["options", "events", "sets", "texts", "maps", "trees", "json", "bytes", "numbers"];
    kinds.iter().for_each(|kind| run(kind, 2, 2));
}

#[test]
fn so_they_do_with_many_threads_and_processors() {
    for (threads, cores) in [(2, 128), (64, 64), (512, 2), (512, 128)] {
        run("counted", threads, cores);
    }
}

/// Runs a measurement in a child process, and fails with the child's output.
fn run(kind: &str, threads: usize, cores: usize) {
    let order = format!("{kind} {threads} {cores}");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory::tests::resident::the_child", "--nocapture"])
        .env(ORDER, &order)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("measured"), "{order}: {said}");
    said.lines().filter(|line| line.contains("measured")).for_each(|line| println!("{line}"));
}

/// Does nothing unless `ORDER` is set.
#[test]
fn the_child() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let words: Vec<&str> = order.split(' ').collect();
    let (threads, cores) = (words[1].parse().unwrap(), words[2].parse().unwrap());
    match words[0] {
        "options" => small(|n| vec![(n % 100 == 0).then_some([n; 14]) as Option<Wide>; 500]),
        "events" => small(|n| vec![event(n); 500]),
        "sets" => small(|n| vec![HashSet::from([n as u8]); 100]),
        "texts" => small(|n| (0..100).map(|i| format!("{n}:{i}")).collect::<Vec<_>>()),
        "maps" => small(|n| (0..50).map(|i| (i, format!("{n}"))).collect::<HashMap<u64, _>>()),
        "trees" => small(|n| (0..50).map(|i| (format!("{i}"), n)).collect::<BTreeMap<_, u64>>()),
        "json" => {
            small(|n| serde_json::json!({ "id": n, "names": ["a", "b"], "size": { "w": 1 } }))
        }
        "bytes" => small(|_| vec![7_u8; 50 << 10]),
        "numbers" => small(|n| n),
        _ => counted(threads, cores),
    }
}

fn event(n: u64) -> Event {
    match n % 100 {
        0 => Event::Frame { pixels: [n; 32] },
        1 => Event::Key(1),
        _ => Event::Tick,
    }
}

/// Stores three times the capacity from two threads.
fn small<V: CacheValue>(make: impl Fn(u64) -> V + Sync) {
    let before = resident();
    let store = Store::with_cores(SMALL, 2);
    let (evicted, next) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while evicted.load(Ordering::Relaxed) < 3 * SMALL {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    store.put(&n.to_string(), make(n));
                    store.get::<V>(&(n / 2).to_string());
                    let weight = store.memory.bytes() / store.memory.len().max(1);
                    evicted.fetch_add(weight, Ordering::Relaxed);
                }
            });
        }
    });
    let grown = resident().saturating_sub(before);
    println!("measured {:.2} of the capacity", grown as f64 / SMALL as f64);
    assert!(store.memory.bytes() > SMALL * 9 / 10, "{} bytes are used", store.memory.bytes());
    assert!(grown < SMALL * 3 / 2, "{grown} bytes of {SMALL}");
}

/// Stores twice the capacity from many threads. Each thread reads all values often enough to fill its near
/// cache. Measures the remaining memory after the store has been emptied, and after it has been dropped,
/// while all threads still run.
fn counted(threads: usize, cores: usize) {
    const EACH: usize = 16 << 10;
    let keys = 2 * LARGE / EACH as u64;
    let steps = Arc::new(Barrier::new(threads + 1));
    let store = Arc::new(Store::with_cores(LARGE, cores));
    let work = move |id: usize, steps: Arc<Barrier>, store: Arc<Store>| {
        steps.wait();
        (0..keys)
            .skip(id)
            .step_by(threads)
            .for_each(|n| store.put(&n.to_string(), Counted::new(EACH)));
        steps.wait();
        for n in
            (0..(200_000 / threads as u64).clamp(400, 8_000)).map(|n| (n * 7 + id as u64) % keys)
        {
            store.get::<Counted>(&n.to_string());
            store.get::<Counted>(&n.to_string());
        }
        drop(store);
        steps.wait();
        // The thread is idle while the memory is measured.
        steps.wait();
    };
    let threads: Vec<_> = (0..threads)
        .map(|id| {
            let (steps, store) = (Arc::clone(&steps), Arc::clone(&store));
            thread::Builder::new()
                .stack_size(256 << 10)
                .spawn(move || work(id, steps, store))
                .unwrap()
        })
        .collect();
    let before = resident();
    (0..3).for_each(|_| _ = steps.wait());
    let part = |bytes: u64| bytes as f64 / LARGE as f64;
    let grown = resident().saturating_sub(before);
    let alive = ALIVE.load(Ordering::Relaxed) * EACH as u64;
    store.memory.clear();
    let cleared = ALIVE.load(Ordering::Relaxed) * EACH as u64;
    drop(store);
    let left = ALIVE.load(Ordering::Relaxed) * EACH as u64;
    let kept = resident().saturating_sub(before);
    println!(
        "measured {:.2}, alive {:.2}, cleared {:.3}, left {:.3}, resident {:.2}",
        part(grown),
        part(alive),
        part(cleared),
        part(left),
        part(kept)
    );
    assert!(part(grown) < 1.5 && part(alive) < 1.1, "{grown} bytes, {alive} in values");
    // The entries in the near caches of threads that make no further request.
    assert!(part(cleared) <= 1.0 / 8.0 && part(left) <= 1.0 / 8.0, "{cleared} and {left} bytes");
    steps.wait();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(ALIVE.load(Ordering::Relaxed), 0);
}

/// Returns the resident bytes of this process, without those of the program itself.
fn resident() -> u64 {
    let status = read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
