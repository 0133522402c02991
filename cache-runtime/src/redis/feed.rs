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
    /// True if a connection could not be made, or was lost.
    pub(super) has_failed: AtomicBool,
    /// Notified when a ping was answered, and when a connection has ended.
    pub(super) answered: Notify,
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
    /// The number of the last [request](Feed::catch_up) for a ping.
    asked: u64,
    /// The number of the last request whose ping was answered.
    answered: u64,
}

impl Listening {
    /// Notes that a ping was answered, which was sent at this time, after the requests up to this number.
    pub(super) fn renew(&mut self, sent_ms: u64, asked: u64) {
        self.current_at_ms = sent_ms;
        self.answered = self.answered.max(asked);
    }
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

    /// Waits for the first connection, unless it has failed before.
    pub(super) async fn started(&self, link: &Link) {
        if !self.has_failed.load(Ordering::Acquire) {
            self.begun(link).await;
        }
    }

    /// Returns the number of the last request for a ping. A ping that is sent from now on answers it.
    pub(super) fn asked(&self) -> u64 {
        self.lock().asked
    }

    /// Waits until all notices have been received that were published on this server before this call. Returns false if the
    /// feed is not connected to it, or is interrupted meanwhile.
    pub(super) async fn catch_up(&self, server: &str) -> bool {
        let Some((session, number)) = self.ask(server) else { return false };
        loop {
            let changed = self.answered.notified();
            match self.has_answered(&session, number) {
                Some(answered) if !answered => changed.await,
                answered => return answered.is_some(),
            }
        }
    }

    /// Requests a ping. Returns the connection, and the number of the request.
    fn ask(&self, server: &str) -> Option<(Session, u64)> {
        let mut state = self.lock();
        let session = state.session.clone().filter(|session| session.0.server == server)?;
        state.asked += 1;
        session.0.changed.notify_one();
        Some((session, state.asked))
    }

    /// Returns true if the ping of a request was answered; `None` if the connection has ended.
    fn has_answered(&self, session: &Session, number: u64) -> Option<bool> {
        let state = self.lock();
        let present = state.session.as_ref().filter(|present| Arc::ptr_eq(&present.0, &session.0));
        present.filter(|present| !present.is_lost()).map(|_| state.answered >= number)
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
        self.answered.notify_waiters();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Listening> {
        self.state.lock()
    }
}
