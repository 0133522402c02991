//! A program that uses its cache, forks two children, and uses it with them.
//!
//! Each value says which process has loaded it. With `REDIS_URL` the processes share a Redis.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails is to end the process with an error"
)]

use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Write, pipe};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, cache, cache_invalidate, cached, install};
use fork::{Fork, fork, waitpid};
use tokio::runtime::Runtime;
use tokio::time::timeout;

static LOADS: AtomicUsize = AtomicUsize::new(0);

/// More than a hit in memory may take to look at the clock itself.
const HITS: usize = 70;

/// The time that a call without waiting may take; the wait limit is longer.
const PATIENCE: Duration = Duration::from_secs(30);

fn loaded() -> String {
    format!("{}/{}", process::id(), LOADS.fetch_add(1, Ordering::SeqCst))
}

#[cached(ttl = "1h", key_prefix = "long", key = "{id}")]
async fn long(id: u64) -> String {
    _ = id;
    loaded()
}

#[cached(ttl = "300ms", key_prefix = "short", key = "{id}", jitter = 0.0, tier = "memory")]
async fn short(id: u64) -> String {
    _ = id;
    loaded()
}

#[cached(ttl = "1h", key_prefix = "slow", key = "{id}")]
async fn slow(id: u64) -> String {
    let is_parent = id == u64::from(process::id());
    tokio::time::sleep(Duration::from_secs(if is_parent { 3_600 } else { 0 })).await;
    loaded()
}

#[cache_invalidate(prefix = "long:{id}")]
async fn change(id: u64) {
    _ = id;
}

/// Returns the value of `short` after its TTL has ended.
async fn renewed(old: &str) -> Option<String> {
    sleep(Duration::from_millis(350));
    for _ in 0..HITS {
        let now = short(1).await;
        if now != old {
            return Some(now);
        }
    }
    None
}

/// Serves its parent's commands, a line each.
fn serve(commands: PipeReader, mut answers: PipeWriter, parent: u64) {
    let runtime = Runtime::new().unwrap();
    for line in BufReader::new(commands).lines() {
        let answer = runtime.block_on(async {
            match line.unwrap().as_str() {
                "get" => long(1).await,
                "change" => {
                    change(1).await;
                    "changed".to_owned()
                }
                // The flight of the parent never lands in here.
                "slow" => timeout(PATIENCE, slow(parent))
                    .await
                    .unwrap_or_else(|_| "waits for the load of its parent".to_owned()),
                "times" => {
                    let first = short(1).await;
                    let second = renewed(&first).await.unwrap();
                    renewed(&second).await.unwrap()
                }
                "backend" => cache().health().await.backend.to_owned(),
                other => panic!("no command {other}"),
            }
        });
        writeln!(answers, "{answer}").unwrap();
    }
}

struct Child {
    id: i32,
    commands: PipeWriter,
    answers: BufReader<PipeReader>,
}

impl Child {
    fn new() -> Self {
        let parent = process::id().into();
        let ((heard, commands), (answers, told)) = (pipe().unwrap(), pipe().unwrap());
        match fork().unwrap() {
            Fork::Parent(id) => Child { id, commands, answers: BufReader::new(answers) },
            Fork::Child => {
                drop((commands, answers));
                serve(heard, told, parent);
                process::exit(0);
            }
        }
    }

    fn call(&mut self, command: &str) -> String {
        writeln!(self.commands, "{command}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert!(!answer.is_empty(), "{command}: the child has ended");
        answer.trim_end().to_owned()
    }

    fn has_loaded(&self, value: &str) -> bool {
        value.starts_with(&format!("{}/", self.id))
    }

    fn end(self) {
        let Child { id, commands, .. } = self;
        drop(commands);
        assert_eq!(waitpid(id).unwrap(), 0);
    }
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if condition() {
            return;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("{what}: never");
}

fn main() {
    let config = CacheConfig::from_env().unwrap();
    let is_shared = config.redis_url.is_some();
    install(CacheManager::builder().config(config).build().unwrap()).unwrap();
    let runtime = Runtime::new().unwrap();
    let own = format!("{}/", process::id());
    runtime.block_on(async {
        assert_eq!(cache().health().await.backend, cache().backend());
        for _ in 0..10 {
            assert!(long(1).await.starts_with(&own) && short(1).await.starts_with(&own));
        }
    });
    let unfinished = runtime.spawn(slow(process::id().into()));
    sleep(Duration::from_millis(200));
    runtime.block_on(short(1));

    let mut children = [Child::new(), Child::new()];
    for child in &mut children {
        let value = child.call("times");
        assert!(child.has_loaded(&value), "{value}");
        let value = child.call("slow");
        assert!(child.has_loaded(&value) || is_shared, "{value}");
        assert!(!value.starts_with(&own) && value.contains('/'), "{value}");
    }
    if is_shared {
        share(&runtime, &mut children);
    }
    assert!(!unfinished.is_finished());
    runtime.block_on(async {
        assert!(renewed(&short(1).await).await.is_some_and(|now| now.starts_with(&own)));
        assert_eq!(cache().health().await.backend, cache().backend());
    });
    // The second holds the pipe of the first, too.
    children.into_iter().rev().for_each(Child::end);
    println!("all is well");
    process::exit(0);
}

/// Each process in turn changes a shared value, and all others receive the invalidation.
fn share(runtime: &Runtime, [first, second]: &mut [Child; 2]) {
    let get = || runtime.block_on(long(1));
    for _ in 0..2 {
        for of_first in [true, false] {
            let (changer, other) =
                if of_first { (&mut *first, &mut *second) } else { (&mut *second, &mut *first) };
            changer.call("change");
            let value = changer.call("get");
            assert!(changer.has_loaded(&value), "{value}");
            until("the sibling receives it", || other.call("get") == value);
            until("the parent receives it", || get() == value);
        }
        runtime.block_on(change(1));
        let value = get();
        for child in [&mut *first, &mut *second] {
            until("a child receives it", || child.call("get") == value);
            assert_eq!(child.call("backend"), cache().backend());
        }
    }
}
