//! Calls of functions that are not async: a future is driven to its end on the thread of the caller.
//!
//! If that thread drives a tokio runtime, the tasks and timers of that runtime may stand still until the call
//! returns. So the tasks and timers of such a call are on the cache's own runtime. The body of the call has the runtime of
//! the thread.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::task::unconstrained;

thread_local! {
    static BLOCKS: Cell<bool> = const { Cell::new(false) };
}

/// Returns true if this thread is driving a future with [`block_on`].
pub(crate) fn is_on() -> bool {
    // Not available while the thread is ending. Then the call is taken for an asynchronous one.
    BLOCKS.try_with(Cell::get).unwrap_or(false)
}

/// Drives a future to its end on this thread. Works inside and outside of any runtime.
///
/// The first poll costs nothing but the poll. A call of an entry that memory answers ends there.
#[inline]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let _inside = BlockingMode::set(true);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => wait_for(&mut |context| future.as_mut().poll(context)),
    }
}

/// Returns a body as it is. The compiler then knows that it is called once, and lets it return what it borrows.
#[inline]
pub fn once<T, F: FnOnce() -> T>(body: F) -> F {
    body
}

/// Runs the steps of a call that need no future.
pub(crate) fn inside<T>(steps: impl FnOnce() -> T) -> T {
    let _inside = BlockingMode::set(true);
    steps()
}

/// Runs the body of a call in the surroundings of its caller.
#[inline]
pub fn run_body<T>(body: impl FnOnce() -> T) -> T {
    let _inside = BlockingMode::set(false);
    body()
}

#[cold]
#[inline(never)]
fn wait_for<T>(poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let woken = AtomicBool::new(false);
    let signal = Arc::new(Signal { thread: thread::current(), woken });
    let waker = Waker::from(Arc::clone(&signal));
    let mut context = Context::from_waker(&waker);
    // A task of tokio that has used up its budget gets no more time-outs until it returns to its scheduler.
    let mut future = pin!(unconstrained(poll_fn(poll)));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        // The code of others on this thread may use up a wake-up that is meant for this.
        while !signal.woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

struct Signal {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Restores the former state when a poll or a body ends, by return or by panic.
struct BlockingMode(bool);

impl BlockingMode {
    #[inline]
    fn set(on: bool) -> Self {
        BlockingMode(BLOCKS.try_with(|blocks| blocks.replace(on)).unwrap_or(false))
    }
}

impl Drop for BlockingMode {
    #[inline]
    fn drop(&mut self) {
        let _ = BLOCKS.try_with(|blocks| blocks.set(self.0));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test reports by panicking")]
    use std::future::poll_fn;
    use std::panic::catch_unwind;
    use std::time::Duration;

    use super::*;
    use crate::support::timer::timeout;

    #[test]
    fn a_wake_up_from_another_thread_ends_the_wait() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let other = thread::spawn(move || sender.send(7).unwrap());
        assert_eq!(block_on(receiver), Ok(7));
        other.join().unwrap();
    }

    #[test]
    fn a_wake_up_that_other_code_uses_up_is_not_lost() {
        let mut polls = 0;
        let polled = poll_fn(|context| {
            polls += 1;
            if polls < 3 {
                context.waker().wake_by_ref();
                // Uses up the token of the thread.
                thread::park_timeout(Duration::ZERO);
                return Poll::Pending;
            }
            Poll::Ready(polls)
        });
        // The first poll has a waker that does nothing, so a future that wakes itself only then is polled again.
        assert_eq!(block_on(polled), 3);
    }

    #[test]
    fn the_body_has_the_surroundings_of_the_caller() {
        assert!(!is_on());
        block_on(async {
            assert!(is_on());
            run_body(|| {
                assert!(!is_on());
                block_on(async { assert!(is_on()) });
                assert!(!is_on());
            });
            assert!(is_on());
        });
        let panics = |text: &str| block_on(async { run_body(|| text.parse::<u8>().unwrap()) });
        assert!(catch_unwind(|| panics("a text")).is_err());
        assert!(!is_on());
    }

    #[test]
    fn timers_run_while_the_thread_that_drives_a_runtime_waits() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ended = runtime.block_on(async {
            block_on(async {
                timeout(Duration::from_millis(1), std::future::pending::<()>()).await
            })
        });
        assert!(ended.is_err());
    }
}
