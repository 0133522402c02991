//! The tokio runtime that runs the cache's own tasks and timers.
//!
//! It is the runtime of the call, if that has timers and I/O. A runtime may have been built without them. Their
//! use panics there, and there is no other way to find out. If panics unwind, one attempt is made for each
//! runtime. If panics abort, the cache uses a small runtime of its own, on its own thread.

use std::cell::Cell;
use std::future::{Future, pending};
use std::net::{Ipv4Addr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Id};

use crate::support::lock::Mutex;

/// The maximum number of runtimes whose attempt is remembered.
const REMEMBERED: usize = 32;

static TRIED: Mutex<Vec<(Id, bool)>> = Mutex::new(Vec::new());
/// With the id of its process: after a fork, the child has none of its threads.
static OWN: Mutex<Option<(u32, Handle)>> = Mutex::new(None);

thread_local! {
    /// The last answer that this thread was given.
    static LAST: Cell<Option<(Id, bool)>> = const { Cell::new(None) };
}

/// A runtime with timers and I/O: the one that this is called on, or the cache's own. `None` outside of
/// any, or if there is no thread to be had.
pub(crate) fn with_timers() -> Option<Handle> {
    let here = Handle::try_current().ok()?;
    if is_complete(here.id()) { Some(here) } else { own() }
}

/// The same also outside of any runtime.
pub(crate) fn with_timers_anywhere() -> Option<Handle> {
    if Handle::try_current().is_ok() { with_timers() } else { own() }
}

/// Runs what needs timers and I/O; `None` if there is nothing that it could be run on.
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

/// Tries out the runtime that this is called on, unless it has been.
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
    // Only a panic counts: where no socket can be made, I/O is of no use either.
    catch_unwind(tried).is_ok()
}

/// The cache's own runtime, made on first use.
fn own() -> Option<Handle> {
    let process = std::process::id();
    let mut own = OWN.lock();
    if let Some((_, handle)) = own.as_ref().filter(|(of, _)| *of == process) {
        return Some(handle.clone());
    }
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let handle = runtime.handle().clone();
    let drive = move || runtime.block_on(pending::<()>());
    thread::Builder::new().name("cache-tasks".into()).spawn(drive).ok()?;
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
