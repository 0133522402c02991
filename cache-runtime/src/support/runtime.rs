//! The tokio runtime that runs the cache's own tasks and timers.
//!
//! It is the runtime of the call, if that is asynchronous, and the runtime has timers and I/O. A runtime may have been built without them. Their
//! use then panics, and there is no other way to find this out. If panics unwind, they are tried once on each
//! runtime. If panics abort, the cache uses a small runtime of its own, on a thread of its own.

use std::cell::Cell;
use std::future::{Future, pending};
use std::net::{Ipv4Addr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Id};
use tokio::sync::oneshot;

use crate::support::blocking;
use crate::support::lock::Mutex;

/// The name of the threads of the cache.
const NAME: &str = "cache-tasks";
/// The maximum number of runtimes whose attempt is remembered.
const REMEMBERED: usize = 32;

static TRIED: Mutex<Vec<(Id, bool)>> = Mutex::new(Vec::new());
/// The cache's own runtime, with the id of its process: after a fork, the child has none of its threads.
static OWN: Mutex<Option<(u32, Handle)>> = Mutex::new(None);

thread_local! {
    /// The last runtime that this thread checked, with the result.
    static LAST: Cell<Option<(Id, bool)>> = const { Cell::new(None) };
}

/// Returns the runtime of the call: the present one; `None` outside of any. A call that is not asynchronous
/// may hold up the present one, so its runtime is the cache's own.
pub(crate) fn of_call() -> Option<Handle> {
    if blocking::is_on() { own() } else { Handle::try_current().ok() }
}

/// Returns a runtime with timers and I/O: that of the call, or the cache's own. Returns `None` outside of any
/// runtime, or if no thread can be made.
pub(crate) fn with_timers() -> Option<Handle> {
    let here = of_call()?;
    if is_complete(here.id()) { Some(here) } else { own() }
}

/// The runtime whose timers a caller uses.
pub(crate) enum Timers {
    /// The present runtime.
    Here,
    Of(Handle),
    None,
}

/// Returns the runtime for timers, also outside of any runtime.
pub(crate) fn timers() -> Timers {
    let is_complete_here = || Handle::try_current().is_ok_and(|here| is_complete(here.id()));
    if !blocking::is_on() && is_complete_here() {
        return Timers::Here;
    }
    own().map_or(Timers::None, Timers::Of)
}

/// Does the same as [`with_timers`], also outside of any runtime.
pub(crate) fn with_timers_anywhere() -> Option<Handle> {
    if of_call().is_some() { with_timers() } else { own() }
}

/// Runs a function that may block on a thread of its own, inside of `runtime` if there is one. If it panics, the panic
/// goes on here. Returns `None` if no thread can be made.
pub(crate) async fn on_a_thread<T: Send + 'static>(
    runtime: Option<Handle>,
    function: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, output) = oneshot::channel();
    let run = move || {
        let _entered = runtime.as_ref().map(Handle::enter);
        _ = sender.send(catch_unwind(AssertUnwindSafe(function)));
    };
    thread::Builder::new().name(NAME.into()).spawn(run).ok()?;
    match output.await.ok()? {
        Ok(output) => Some(output),
        Err(panic) => resume_unwind(panic),
    }
}

/// Runs a task that needs timers and I/O; `None` if there is no runtime for it.
pub(crate) async fn run<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let runtime = with_timers_anywhere()?;
    if Handle::try_current().is_ok_and(|here| here.id() == runtime.id()) {
        return Some(task.await);
    }
    runtime.spawn(task).await.ok()
}

fn is_complete(id: Id) -> bool {
    let last = LAST.try_with(Cell::get).ok().flatten();
    if let Some((_, answer)) = last.filter(|(of, _)| *of == id) {
        return answer;
    }
    let answer = is_own(id) || (cfg!(panic = "unwind") && was_tried(id));
    let _ = LAST.try_with(|last| last.set(Some((id, answer))));
    answer
}

fn is_own(id: Id) -> bool {
    let own = OWN.lock();
    own.as_ref().is_some_and(|(_, handle)| handle.id() == id)
}

/// Returns true if the present runtime has timers and I/O. Tries them at the first call for a runtime.
fn was_tried(id: Id) -> bool {
    let mut tried = TRIED.lock();
    if let Some((_, answer)) = tried.iter().find(|(known, _)| *known == id) {
        return *answer;
    }
    let answer = has_timers_and_io();
    if tried.len() == REMEMBERED {
        tried.remove(0);
    }
    tried.push((id, answer));
    answer
}

fn has_timers_and_io() -> bool {
    let tried = AssertUnwindSafe(|| {
        drop(tokio::time::sleep(Duration::ZERO));
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        tokio::net::UdpSocket::from_std(socket).map(drop)
    });
    // Only a panic counts as a failure: if no socket can be made, I/O is useless on every runtime.
    catch_unwind(tried).is_ok()
}

/// Returns the cache's own runtime, made on first use.
fn own() -> Option<Handle> {
    let process = std::process::id();
    let mut own = OWN.lock();
    if let Some((_, handle)) = own.as_ref().filter(|(of, _)| *of == process) {
        return Some(handle.clone());
    }
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let handle = runtime.handle().clone();
    let drive = move || runtime.block_on(pending::<()>());
    thread::Builder::new().name(NAME.into()).spawn(drive).ok()?;
    *own = Some((process, handle.clone()));
    Some(handle)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test reports by panicking")]
    use super::*;

    #[test]
    fn a_runtime_without_timers_or_without_io_is_replaced_by_an_own_one() {
        let with = |enable: fn(&mut Builder) -> &mut Builder| {
            let runtime = enable(&mut Builder::new_current_thread()).build().unwrap();
            let chosen = runtime.block_on(async { with_timers().unwrap().id() });
            (chosen == runtime.handle().id(), is_own(chosen))
        };
        assert_eq!(with(Builder::enable_all), (true, false));
        assert_eq!(with(|builder| builder), (false, true));
        assert_eq!(with(Builder::enable_time), (false, true));
        assert_eq!(with(Builder::enable_io), (false, true));
        assert!(with_timers().is_none(), "outside of any");
    }

    #[test]
    fn what_needs_timers_runs_also_where_there_are_none() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let slept = runtime.block_on(run(async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Handle::current().id()
        }));
        assert!(slept.is_some_and(is_own));
    }
}
