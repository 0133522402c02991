//! One tokio runtime's connection to Redis, and the task that looks after it.
//!
//! A multiplexed connection lives on the runtime it was made on; used from another it hangs
//! whenever the first is not driven. So each runtime that uses a manager has a link of its own.
//! A link is made in the background. An operation uses it only while it is up; one that fails
//! makes it *suspect*, and it is not used again before the server has answered a ping.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::ready::Ready;

#[derive(Debug)]
pub(super) struct Link {
    state: Mutex<State>,
    /// When it was up last, by the manager's clock; before that it never was.
    left_ms: AtomicU64,
    /// The state has changed.
    pub(super) changed: Notify,
    /// Somebody asks for attention: an operation failed, the end.
    pub(super) attention: Notify,
    /// A removal is pending that may be sent, or the link is another than before.
    pub(super) pending: Notify,
    /// A server has refused something that it permitted before.
    refused: AtomicBool,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    /// The first attempt is under way.
    Connecting,
    Up(Arc<Ready>),
    /// An operation failed: nothing is sent before the server has answered.
    Suspect(Arc<Ready>),
    /// The last attempt failed; the next one is on its way.
    Down(String),
    /// The manager has been disconnected.
    Closed,
}

impl Link {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Link {
            state: Mutex::new(State::Connecting),
            left_ms: AtomicU64::new(0),
            changed: Notify::new(),
            attention: Notify::new(),
            pending: Notify::new(),
            refused: AtomicBool::new(false),
        })
    }

    pub(super) fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A link that is closed stays so.
    pub(super) fn set(&self, new: State) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*state, State::Closed) {
            *state = new;
        }
        drop(state);
        self.changed.notify_waiters();
        self.pending.notify_one();
    }

    /// The connection, if it may be used now. During the first attempt this waits for it.
    pub(super) async fn ready(&self) -> Option<Arc<Ready>> {
        loop {
            let changed = self.changed.notified();
            match self.state() {
                State::Up(ready) => return Some(ready),
                State::Connecting => changed.await,
                State::Suspect(_) | State::Down(_) | State::Closed => return None,
            }
        }
    }

    /// After an operation failed: no further one before the server has answered. Says whether the
    /// link was up until now.
    pub(super) fn suspect(&self, now_ms: u64) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State::Up(ready) = &*state else { return false };
        *state = State::Suspect(Arc::clone(ready));
        self.left_ms.store(now_ms, Ordering::Release);
        drop(state);
        self.attention.notify_one();
        true
    }

    /// Has the rights of the user looked at with the next check.
    pub(super) fn note_refusal(&self) {
        self.refused.store(true, Ordering::Release);
        self.attention.notify_one();
    }

    /// Keeps what the check has measured, unless the link has become suspect in the meantime.
    pub(super) fn renew(&self, renewed: Arc<Ready>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *state {
            State::Up(ready) => *ready = renewed,
            State::Suspect(_) => self.attention.notify_one(),
            State::Connecting | State::Down(_) | State::Closed => {}
        }
    }

    /// Whether a server has refused something since this was asked last.
    pub(super) fn take_refused(&self) -> bool {
        self.refused.swap(false, Ordering::AcqRel)
    }

    /// When it was up last, by the manager's clock.
    pub(super) fn left_ms(&self) -> u64 {
        self.left_ms.load(Ordering::Acquire)
    }

    pub(super) fn close(&self) {
        self.set(State::Closed);
        self.attention.notify_one();
    }

    /// Closed by the manager, or left behind by its runtime.
    pub(super) fn ended(&self) -> bool {
        matches!(&*self.state.lock().unwrap_or_else(PoisonError::into_inner), State::Closed)
    }
}

/// Lets nobody wait for a link whose task has ended, be it with its runtime.
pub(super) struct Gone(Arc<Link>);

impl Gone {
    pub(super) fn new(link: &Arc<Link>) -> Self {
        Gone(Arc::clone(link))
    }

    pub(super) fn link(&self) -> &Arc<Link> {
        &self.0
    }
}

impl Drop for Gone {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // A runtime without I/O, most likely. Trying again would panic again.
            self.0.set(State::Down("this runtime cannot connect".into()));
        } else {
            self.0.set(State::Closed);
        }
    }
}
