//! The feed: it receives the invalidations of other processes.
//!
//! One task of one of the manager's links listens on a connection of its own. Notices and the replies to its
//! pings come over that connection in order. So a reply shows that all notices have been received that were
//! published before the ping was sent, and it renews the [lease](crate::coherence::lease). Notices may be
//! lost together with a connection. So the next connection begins a new epoch: all earlier contents of memory
//! and of the token cache are stale.
//!
//! In a cluster, the master that has removed an entry publishes the notice. The masters forward it to each
//! other at an unknown time. So there is a connection to each master, and the lease is renewed once all have
//! replied. Instead of a ping, each master gets a request for the topology. A new master gets its connection
//! before the lease is renewed again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;

use super::link::{Link, LinkState};
use crate::coherence::lease::Lease;
use crate::stats::Counter;
use crate::support::clock::precise_ms;
use crate::support::lock::Mutex;

/// The feed of a manager.
#[derive(Debug, Default)]
pub(super) struct Feed {
    /// True if copies are kept in memory.
    wanted: AtomicBool,
    state: Mutex<Listening>,
    /// The number of notices of other processes.
    pub(super) received: Counter,
    /// The number of connections so far.
    pub(super) sessions: Counter,
    /// The number of lost connections.
    pub(super) interruptions: Counter,
    /// True if the absence of the feed has been reported.
    pub(super) is_said: AtomicBool,
}

#[derive(Debug, Default)]
pub(super) struct Listening {
    /// The number of the responsible task, and the time at which it was last active.
    pub(super) claim: Option<(u64, u64)>,
    pub(super) session: Option<Session>,
    /// The time at which the last answered ping was sent.
    pub(super) current_at_ms: u64,
}

/// One connection, from its subscription to its end.
#[derive(Clone, Debug)]
pub(super) struct Session(pub(super) Arc<Wire>);

#[derive(Debug)]
pub(super) struct Wire {
    server: String,
    lost: AtomicBool,
    pub(super) changed: Notify,
}

impl Session {
    pub(super) fn new(server: &str) -> Self {
        let (server, lost) = (server.to_owned(), AtomicBool::new(false));
        Session(Arc::new(Wire { server, lost, changed: Notify::new() }))
    }

    pub(super) fn lose(&self) {
        self.0.lost.store(true, Ordering::Release);
        self.0.changed.notify_one();
    }

    pub(super) fn is_lost(&self) -> bool {
        self.0.lost.load(Ordering::Acquire)
    }
}

/// The state of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FeedState {
    /// No copies are kept in memory.
    NotWanted,
    /// All messages older than this have been received.
    Lag(Duration),
    /// It is not connected.
    Disconnected,
}

impl Feed {
    pub(super) fn want(&self) {
        self.wanted.store(true, Ordering::Release);
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }

    pub(super) fn feed_state(&self) -> FeedState {
        if !self.is_wanted() {
            return FeedState::NotWanted;
        }
        let state = self.lock();
        match &state.session {
            Some(session) if !session.is_lost() => FeedState::Lag(Duration::from_millis(
                precise_ms().saturating_sub(state.current_at_ms),
            )),
            _ => FeedState::Disconnected,
        }
    }

    /// Waits for the first connection, which is made right after that of the link.
    pub(super) async fn begun(&self, link: &Link) {
        loop {
            let changed = link.changed.notified();
            let is_up = matches!(link.state(), LinkState::Up(_));
            if !is_up || !self.is_wanted() || self.sessions.get() > 0 {
                return;
            }
            changed.await;
        }
    }

    /// Returns true if the feed is connected to this server and has missed nothing since the connection
    /// began.
    pub(super) fn is_connected_to(&self, server: &str) -> bool {
        let state = self.lock();
        state.session.as_ref().is_some_and(|s| !s.is_lost() && s.0.server == server)
    }

    /// Gives up the connection, because it leads to a server that is not in use, or is not needed.
    pub(super) fn give_up(&self, lease: &Lease) {
        let mut state = self.lock();
        if let Some(session) = state.session.take() {
            session.lose();
        }
        lease.end();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Listening> {
        self.state.lock()
    }
}
