//! Work on several threads at once.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Runs `work` on so many threads, each given its number. How long it took, from when the first has
/// begun to when the last has ended; they begin together, and starting them is not counted.
///
/// # Panics
///
/// If the work does.
pub fn together(threads: usize, work: impl Fn(usize) + Sync) -> Duration {
    let (started, work) = (&AtomicUsize::new(0), &work);
    let run = move |number| {
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
