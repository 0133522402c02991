//! Loads on threads of the cache's own.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Clock, cached, with_blocking};
use cache_tests::Counter;

use crate::stores::wait_for;

fn manager() -> (CacheManager, Clock) {
    let clock = Clock::mock();
    (CacheManager::builder().clock(clock.clone()).build().unwrap(), clock)
}

/// A source that lasts until it is told to go on.
#[derive(Clone)]
struct Source {
    runs: Counter,
    go_on: Arc<Mutex<Receiver<()>>>,
}

impl Source {
    /// Returns a source, and the sender that lets it go on.
    fn held() -> (Sender<()>, Self) {
        let (go_on, received) = channel();
        (go_on, Source { runs: Counter::new(), go_on: Arc::new(Mutex::new(received)) })
    }

    fn read(&self) -> (usize, Option<String>) {
        self.go_on.lock().unwrap().recv().unwrap();
        (self.runs.hit(), thread::current().name().map(str::to_owned))
    }
}

#[cached(ttl = "1m", stale_while_revalidate = "1h", skip(source))]
fn refreshed(source: &Source, name: &str) -> (usize, Option<String>) {
    _ = name;
    source.read()
}

#[test]
fn a_stale_value_is_served_while_a_thread_refreshes_it() {
    let (manager, clock) = manager();
    let (go_on, source) = Source::held();
    with_blocking(&manager, || {
        go_on.send(()).unwrap();
        let here = thread::current().name().map(str::to_owned);
        assert_eq!(refreshed(&source, "a"), (1, here.clone()));
        clock.advance(Duration::from_secs(90));
        assert_eq!(refreshed(&source, "a"), (1, here.clone()), "the refresh is under way");
        assert_eq!(refreshed(&source, "a"), (1, here));
        go_on.send(()).unwrap();
        wait_for(|| manager.stats().background_loads == 0);
        let (run, thread) = refreshed(&source, "a");
        assert_eq!((run, thread.as_deref()), (2, Some("cache-tasks")));
        assert_eq!(source.runs.count(), 2);
    });
}

#[cached(ttl = "1m", stale_while_revalidate = "1h", skip(runs))]
fn panics_later(runs: &Counter) -> usize {
    let run = runs.hit();
    assert_ne!(run, 2, "the refresh panics");
    nested(runs) + run
}

#[cached(ttl = "1h", skip(runs))]
fn nested(runs: &Counter) -> usize {
    _ = runs;
    100
}

#[test]
fn a_refresh_that_panics_leaves_the_stale_value_and_one_uses_the_cache_of_its_caller() {
    let (manager, clock) = manager();
    let runs = Counter::new();
    with_blocking(&manager, || {
        assert_eq!(panics_later(&runs), 101);
        clock.advance(Duration::from_secs(90));
        assert_eq!(panics_later(&runs), 101);
        wait_for(|| runs.count() == 2 && manager.stats().background_loads == 0);
        clock.advance(Duration::from_secs(90));
        assert_eq!(panics_later(&runs), 101);
        wait_for(|| runs.count() == 3 && manager.stats().background_loads == 0);
        assert_eq!(panics_later(&runs), 103);
        // In another cache, it would have been loaded again.
        let nested = manager.stats().sites.into_iter().find(|site| site.name.ends_with("nested"));
        assert_eq!(nested.map(|site| (site.counts.loads, site.counts.memory_hits)), Some((1, 1)));
    });
}

#[cached(
    ttl = "1m",
    stale_if_error = "1h",
    load_timeout = "20ms",
    skip(source),
    key_prefix = "slow"
)]
fn slow(source: &Source) -> Result<usize, String> {
    Ok(source.read().0)
}

#[test]
fn a_load_that_takes_too_long_is_left_to_a_thread() {
    let (manager, clock) = manager();
    let (go_on, source) = Source::held();
    with_blocking(&manager, || {
        go_on.send(()).unwrap();
        assert_eq!(slow(&source), Ok(1));
        clock.advance(Duration::from_secs(90));
        assert_eq!(slow(&source), Ok(1), "after the timeout");
        go_on.send(()).unwrap();
        wait_for(|| manager.stats().background_loads == 0);
        assert_eq!((slow(&source), source.runs.count()), (Ok(2), 2));
    });
}

#[cached(ttl = "1m", early_refresh = 100.0, skip(runs))]
fn early(runs: &Counter) -> usize {
    // The load time decides on the time of the next one.
    thread::sleep(Duration::from_millis(2));
    runs.hit()
}

#[test]
fn a_fresh_value_is_refreshed_early_on_a_thread() {
    let (manager, clock) = manager();
    let runs = Counter::new();
    with_blocking(&manager, || {
        assert_eq!(early(&runs), 1);
        clock.advance(Duration::from_millis(59_900));
        wait_for(|| {
            early(&runs);
            runs.count() > 1
        });
    });
}

/// Has a value, and stays in the body of its refresh until it is told to go on.
#[cached(ttl = "1m", stale_while_revalidate = "1h", skip(source), key_prefix = "hung")]
fn hung(source: &Source, number: u64) -> usize {
    _ = number;
    source.read().0
}

#[test]
fn a_body_that_is_given_up_keeps_its_place_until_it_returns() {
    let clock = Clock::mock();
    let config = CacheConfig::default().max_load(Duration::from_millis(20));
    let manager = CacheManager::builder().config(config).clock(clock.clone()).build().unwrap();
    let (go_on, source) = Source::held();
    with_blocking(&manager, || {
        go_on.send(()).unwrap();
        assert_eq!(hung(&source, 1), 1);
        clock.advance(Duration::from_secs(90));
        assert_eq!(hung(&source, 1), 1);
        // The flight ends at the limit; the place does not.
        thread::sleep(Duration::from_millis(100));
        assert_eq!(manager.stats().background_loads, 1);
        go_on.send(()).unwrap();
        wait_for(|| manager.stats().background_loads == 0);
    });
}

#[cached(ttl = "1m", stale_while_revalidate = "1h", skip(runs), entry_fn = calls_itself_entry)]
fn calls_itself(runs: &Counter) -> usize {
    let run = runs.hit();
    if run == 2 {
        // Nothing is stored now, so the same call would wait for this one.
        calls_itself_entry(runs).invalidate().unwrap();
        return calls_itself(runs) * 100;
    }
    run
}

#[test]
fn a_refresh_that_makes_its_own_call_runs_it_at_once() {
    let clock = Clock::mock();
    let config = CacheConfig::default().wait_limit(Duration::from_secs(3_600));
    let manager = CacheManager::builder().config(config).clock(clock.clone()).build().unwrap();
    let runs = Counter::new();
    with_blocking(&manager, || {
        assert_eq!(calls_itself(&runs), 1);
        clock.advance(Duration::from_secs(90));
        assert_eq!(calls_itself(&runs), 1);
        wait_for(|| runs.count() == 3 && manager.stats().background_loads == 0);
    });
}

#[cached(ttl = "1m", stale_while_revalidate = "1h", skip(runs))]
fn runtime_of_body(runs: &Counter) -> Option<tokio::runtime::Id> {
    runs.hit();
    tokio::runtime::Handle::try_current().ok().map(|runtime| runtime.id())
}

#[test]
fn a_refresh_has_the_runtime_of_its_caller() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for inside in [false, true] {
        let (manager, clock) = manager();
        let runs = Counter::new();
        let call = || with_blocking(&manager, || runtime_of_body(&runs));
        let called = || if inside { runtime.block_on(async { call() }) } else { call() };
        let first = called();
        assert_eq!(first, inside.then(|| runtime.handle().id()));
        clock.advance(Duration::from_secs(90));
        called();
        wait_for(|| runs.count() == 2 && manager.stats().background_loads == 0);
        assert_eq!((called(), runs.count()), (first, 2));
    }
}
