//! The link: one tokio runtime's connection to Redis, with its state.
//!
//! A multiplexed connection lives on the runtime that it was made on. Used from another runtime, it hangs
//! whenever the first one is not driven. So each runtime that uses a manager has a link of its own. A link is
//! made in the background, and an operation uses it only while it is up. An operation that fails makes it
//! *suspect*: it is not used again before the server has answered a ping.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

use super::error::{Lost, StoreError};
use super::ready::Ready;
use super::unavailable::Unavailable;
use crate::support::boxed::boxed;
use crate::support::lock::Mutex;

#[derive(Debug)]
pub(super) struct Link {
    state: Mutex<LinkState>,
    /// The time at which the link was last up, by the manager's clock; 0 if it never was.
    left_ms: AtomicU64,
    /// Notified when the state has changed.
    pub(super) changed: Notify,
    /// Notified when the supervisor has to act: after a failed operation, and at the end.
    pub(super) attention: Notify,
    /// Notified when a pending removal can be sent, or the state has changed.
    pub(super) pending: Notify,
    /// True if a server has refused a command that it permitted before.
    refused: AtomicBool,
}

#[derive(Clone, Debug)]
pub(super) enum LinkState {
    /// The first attempt is under way.
    Connecting,
    Up(Arc<Ready>),
    /// An operation failed. Nothing is sent before the server has answered a probe.
    Suspect(Arc<Ready>, Arc<StoreError>),
    /// The connection was lost, or the last attempt failed; the next one follows.
    Down(Arc<StoreError>),
    /// The manager was disconnected.
    Closed,
}

impl LinkState {
    /// Returns the connection, if it may be used now. Does not wait.
    pub(super) fn ready(self) -> Result<Arc<Ready>, Unavailable> {
        match self {
            LinkState::Up(ready) => Ok(ready),
            LinkState::Connecting => Err(Unavailable::NotConnected),
            LinkState::Suspect(_, error) => Err(Unavailable::Suspect(error)),
            LinkState::Down(error) => Err(Unavailable::Down(error)),
            LinkState::Closed => Err(Unavailable::Disconnected),
        }
    }
}

impl Link {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Link {
            state: Mutex::new(LinkState::Connecting),
            left_ms: AtomicU64::new(0),
            changed: Notify::new(),
            attention: Notify::new(),
            pending: Notify::new(),
            refused: AtomicBool::new(false),
        })
    }

    pub(super) fn state(&self) -> LinkState {
        self.state.lock().clone()
    }

    /// Sets the state. A closed link stays closed.
    pub(super) fn set(&self, new: LinkState) {
        let mut state = self.state.lock();
        if !matches!(*state, LinkState::Closed) {
            *state = new;
        }
        drop(state);
        self.changed.notify_waiters();
        self.pending.notify_one();
    }

    /// Returns the connection, if it may be used now. During the first attempt this waits for it.
    pub(super) async fn ready(&self) -> Result<Arc<Ready>, Unavailable> {
        match self.state() {
            LinkState::Connecting => boxed(|| self.first_state()).await.ready(),
            state => state.ready(),
        }
    }

    /// Waits for the end of the first attempt.
    async fn first_state(&self) -> LinkState {
        loop {
            let changed = self.changed.notified();
            match self.state() {
                LinkState::Connecting => changed.await,
                state => return state,
            }
        }
    }

    /// Suspends the link after an operation failed, until the server has answered. Returns true if the link
    /// was up until now.
    pub(super) fn suspect(&self, error: &Arc<StoreError>, now_ms: u64) -> bool {
        let mut state = self.state.lock();
        let LinkState::Up(ready) = &*state else { return false };
        *state = LinkState::Suspect(Arc::clone(ready), Arc::clone(error));
        self.left_ms.store(now_ms, Ordering::Release);
        drop(state);
        self.attention.notify_one();
        true
    }

    /// Requests that the next check also checks the rights of the user.
    pub(super) fn note_refusal(&self) {
        self.refused.store(true, Ordering::Release);
        self.attention.notify_one();
    }

    /// Keeps the measurements of a check, unless the link has become suspect meanwhile.
    pub(super) fn renew(&self, renewed: Arc<Ready>) {
        let mut state = self.state.lock();
        match &mut *state {
            LinkState::Up(ready) => *ready = renewed,
            LinkState::Suspect(..) => self.attention.notify_one(),
            LinkState::Connecting | LinkState::Down(_) | LinkState::Closed => {}
        }
    }

    /// Returns true if a server has refused a command since the last call.
    pub(super) fn take_refused(&self) -> bool {
        self.refused.swap(false, Ordering::AcqRel)
    }

    /// Returns the time at which the link was last up, by the manager's clock.
    pub(super) fn left_ms(&self) -> u64 {
        self.left_ms.load(Ordering::Acquire)
    }

    pub(super) fn close(&self) {
        self.set(LinkState::Closed);
        self.attention.notify_one();
    }

    /// Returns true if the manager has closed the link, or its runtime has ended.
    pub(super) fn ended(&self) -> bool {
        matches!(&*self.state.lock(), LinkState::Closed)
    }
}

/// Ends the waiting for a link whose task has ended, for example with its runtime.
pub(super) struct LinkGuard(Arc<Link>);

impl LinkGuard {
    pub(super) fn new(link: &Arc<Link>) -> Self {
        LinkGuard(Arc::clone(link))
    }

    pub(super) fn link(&self) -> &Arc<Link> {
        &self.0
    }
}

impl Drop for LinkGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The cause is most likely a runtime without I/O. Another attempt would panic again.
            self.0.set(LinkState::Down(Arc::new(Lost::RuntimeWithoutIo.into())));
        } else {
            self.0.set(LinkState::Closed);
        }
    }
}
