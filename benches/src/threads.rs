//! Work on several threads at once.

use std::hint::spin_loop;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Runs `work` on this many threads, each given its number and a core of its own, as far as there are
/// cores. Returns the time from the first start to the last end. They begin together. Each has done the same
/// once before, which is not counted: what a thread keeps for itself is warm, as in a service.
///
/// # Panics
///
/// If the work does.
pub fn together(threads: usize, work: impl Fn(usize) + Sync) -> Duration {
    let (made, started, work) = (&Barrier::new(threads), &AtomicUsize::new(0), &work);
    let run = move |number| {
        keep_to_core(number);
        work(number);
        // Early threads sleep; they spin only for the moment until all are awake.
        made.wait();
        started.fetch_add(1, Ordering::AcqRel);
        while started.load(Ordering::Acquire) < threads {
            spin_loop();
        }
        let began = Instant::now();
        work(number);
        (began, Instant::now())
    };
    let times: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|number| scope.spawn(move || run(number))).collect();
        running.into_iter().map(|thread| thread.join().expect("work that ends")).collect()
    });
    let first = times.iter().map(|(began, _)| *began).min();
    let last = times.iter().map(|(_, ended)| *ended).max();
    first.zip(last).map_or(Duration::ZERO, |(first, last)| last - first)
}

/// Keeps this thread from being put on the same core as the others, which a busy machine does for
/// longer than a turn takes.
#[cfg(target_os = "linux")]
fn keep_to_core(number: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
    let Some(core) = cores.cycle().nth(number) else { return };
    let mut only = CpuSet::new();
    only.set(core);
    // Where that is refused the system chooses.
    _ = sched_setaffinity(None, &only);
}

#[cfg(not(target_os = "linux"))]
fn keep_to_core(_number: usize) {}
