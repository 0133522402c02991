//! One load among threads, and waits that end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, cached, with_blocking};
use cache_tests::Counter;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::unbounded_channel;

use crate::stores::wait_for;

/// Longer than any test takes.
const HOUR: Duration = Duration::from_secs(3_600);

fn manager(wait_limit: Duration) -> CacheManager {
    let config = CacheConfig::default().wait_limit(wait_limit);
    CacheManager::builder().config(config).build().unwrap()
}

/// Runs a function on some threads, each in the scope of the manager, and returns the outputs.
fn on_threads<T: Send>(
    manager: &CacheManager,
    count: usize,
    run: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let run = &run;
    thread::scope(|scope| {
        let spawn = |number| scope.spawn(move || with_blocking(manager, || run(number)));
        let threads = Vec::from_iter((0..count).map(spawn));
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Returns the output of something that must end. It is given a minute, so that a test that hangs fails.
fn in_time<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(run()));
    receiver.recv_timeout(Duration::from_secs(60)).expect("it ends")
}

/// The load lasts until `callers` threads are about to make the call.
#[cached(ttl = "1m", skip(runs, arrived, callers))]
fn held(runs: &Counter, arrived: &Counter, callers: usize) -> usize {
    let run = runs.hit();
    wait_for(|| arrived.count() >= callers);
    run
}

// R4: concurrent callers of a key share one load.
#[test]
fn threads_share_one_load() {
    let (manager, runs, arrived) = (manager(HOUR), Counter::new(), Counter::new());
    let outputs = on_threads(&manager, 50, |_| {
        arrived.hit();
        held(&runs, &arrived, 50)
    });
    assert_eq!((outputs, runs.count()), (vec![1; 50], 1));
    let total = manager.stats().total;
    assert_eq!((total.loads, total.coalesced + total.memory_hits), (1, 49));
}

#[cached(ttl = "1m", skip(runs, arrived))]
fn panics_once(runs: &Counter, arrived: &Counter) -> usize {
    let run = runs.hit();
    wait_for(|| arrived.count() == 20);
    assert!(run > 1, "the first load panics");
    run
}

#[test]
fn another_thread_takes_over_when_the_loading_one_panics() {
    let (manager, runs, arrived) = (manager(HOUR), Counter::new(), Counter::new());
    let outputs = on_threads(&manager, 20, |_| {
        arrived.hit();
        catch_unwind(AssertUnwindSafe(|| panics_once(&runs, &arrived)))
    });
    let values = Vec::from_iter(outputs.iter().flatten());
    assert_eq!((values, runs.count()), (vec![&2; 19], 2));
    assert_eq!(manager.stats().flights, 0);
}

#[cached(ttl = "1m", skip(runs, both))]
fn first(runs: &Counter, both: &Barrier) -> usize {
    if runs.hit() <= 2 {
        both.wait();
    }
    second(runs, both)
}

#[cached(ttl = "1m", skip(runs, both))]
fn second(runs: &Counter, both: &Barrier) -> usize {
    if runs.hit() <= 2 {
        both.wait();
        return first(runs, both);
    }
    runs.count()
}

#[test]
fn loads_that_wait_for_each_other_end() {
    let (runs, ended) = in_time(|| {
        let (manager, runs, both) = (manager(HOUR), Counter::new(), Barrier::new(2));
        let outputs = on_threads(&manager, 2, |number| {
            if number == 0 { first(&runs, &both) } else { second(&runs, &both) }
        });
        (runs.count(), outputs.len())
    });
    assert_eq!(ended, 2);
    assert!((3..=4).contains(&runs), "{runs} bodies");
}

#[cached(ttl = "1m", skip(runs, manager))]
fn forks(runs: &Counter, manager: &CacheManager) -> usize {
    if runs.hit() > 1 {
        return 2;
    }
    // The other thread waits for this load, and this load waits for the other thread.
    on_threads(manager, 1, |_| forks(runs, manager))[0] + 10
}

#[test]
fn a_load_that_waits_for_a_thread_with_the_same_key_ends_at_the_wait_limit() {
    let output = in_time(|| {
        let (manager, runs) = (manager(Duration::from_millis(20)), Counter::new());
        with_blocking(&manager, || (forks(&runs, &manager), runs.count()))
    });
    assert_eq!(output, (12, 2));
}

#[cached(ttl = "1m", skip(runs, release))]
fn until_released(runs: &Counter, release: &Barrier) -> usize {
    let run = runs.hit();
    if run == 1 {
        release.wait();
    }
    run
}

/// Makes a call in a runtime, after another future, while another thread holds the load of the call until the call has
/// returned. Returns the outputs of both.
fn beside_a_held_load(runtime: &Runtime, first: impl Future<Output = ()>) -> (usize, usize) {
    let (manager, runs) = (manager(Duration::from_millis(20)), Counter::new());
    let release = Barrier::new(2);
    let call = || with_blocking(&manager, || until_released(&runs, &release));
    thread::scope(|scope| {
        let leader = scope.spawn(call);
        wait_for(|| runs.count() == 1);
        let waited = runtime.block_on(async {
            first.await;
            call()
        });
        release.wait();
        (waited, leader.join().unwrap())
    })
}

#[test]
fn the_wait_limit_holds_on_a_thread_that_drives_a_runtime() {
    for build in [Builder::new_current_thread, Builder::new_multi_thread] {
        let outputs = in_time(move || {
            let runtime = build().worker_threads(1).enable_all().build().unwrap();
            beside_a_held_load(&runtime, async {})
        });
        assert_eq!(outputs, (2, 1));
    }
}

#[test]
fn the_wait_limit_holds_in_a_task_that_has_used_up_its_budget() {
    /// The number of ready operations after which tokio lets a task wait for its next turn.
    const BUDGET: usize = 128;
    let outputs = in_time(|| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        beside_a_held_load(&runtime, async {
            let (sender, mut messages) = unbounded_channel();
            (0..BUDGET).for_each(|number| sender.send(number).unwrap());
            for _ in 0..BUDGET {
                messages.recv().await.unwrap();
            }
        })
    });
    assert_eq!(outputs, (2, 1));
}

struct CallsWhenDropped<'a>(&'a Counter);

impl Drop for CallsWhenDropped<'_> {
    fn drop(&mut self) {
        held(self.0, self.0, 0);
    }
}

#[test]
fn a_call_by_a_destructor_during_a_panic_is_no_failure() {
    let (manager, runs) = (manager(HOUR), Counter::new());
    with_blocking(&manager, || {
        catch_unwind(AssertUnwindSafe(|| {
            let _calls = CallsWhenDropped(&runs);
            panic!("which the destructor sees");
        }))
        .unwrap_err();
    });
    let of_held = manager.stats().sites.into_iter().find(|site| site.name.ends_with("::held"));
    let counts = of_held.unwrap().counts;
    assert_eq!((counts.loads, counts.load_errors), (1, 0));
}
