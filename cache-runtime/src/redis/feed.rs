//! The feed: how this process hears of invalidations made elsewhere.
//!
//! One task of one of the manager's links listens on a connection of its own. Notices and the
//! answers to its pings come over that connection in order, so an answer says that everything
//! published before the ping was sent has been heard: it renews the [lease](crate::lease). A
//! connection that is lost may have lost notices with it. So the next one begins a new epoch:
//! nothing that memory or the mirror held before counts any more.
//!
//! In a cluster a notice is published by the master that has removed what it is about. The masters pass it
//! on to each other, but nobody says when; so there is a connection to each of them, and the lease is
//! renewed once all have answered. In place of a ping each is asked how the cluster is: a master that is new
//! is heard, too, before the lease is renewed again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ErrorKind, PushInfo, PushKind, RedisError, RedisResult, Value, cmd,
};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::backoff::Backoff;
use super::errors::no_answer;
use super::identity::Identity;
use super::link::{Link, State};
use super::node::Node;
use super::notice::{self, Item};
use super::ready::Ready;
use super::rights;
use super::servers::Servers;
use super::shared::Shared;
use super::topology::{self, Master};
use crate::clock::{millis, precise_ms};
use crate::generation::Slot;
use crate::lease::LEASE;
use crate::random;
use crate::stats::Counter;

/// How often it is asked whether everything has been heard.
const BEAT: Duration = Duration::from_millis(500);
/// A connection that does not answer for so long is given up.
const PATIENCE: Duration = LEASE;
/// So many times the masters of a cluster are looked at again once it has changed: it counts the change
/// before each of its nodes knows what has changed.
const LOOKS: u32 = 10;
/// A task that has not been seen for so long is on a runtime that nobody drives. With the interval below another link
/// takes over within ten seconds.
const ASLEEP: Duration = Duration::from_secs(8);
/// How often a link looks whether anybody listens.
pub(super) const LOOK: Duration = Duration::from_secs(2);

/// What a manager knows of its feed.
#[derive(Debug, Default)]
pub(super) struct Feed {
    /// Somebody keeps copies in memory.
    wanted: AtomicBool,
    state: Mutex<Listening>,
    /// Notices of others.
    pub(super) heard: Counter,
    /// How often it was connected.
    sessions: Counter,
    /// How often a connection was lost.
    pub(super) interruptions: Counter,
    /// It has been said that there is none.
    is_said: AtomicBool,
}

#[derive(Debug, Default)]
struct Listening {
    /// Whose task is responsible, and when it was seen last.
    claim: Option<(u64, u64)>,
    session: Option<Session>,
    /// When the last answered ping was sent.
    current_at_ms: u64,
}

/// One connection, from its subscription to its end.
#[derive(Clone, Debug)]
struct Session(Arc<Line>);

#[derive(Debug)]
struct Line {
    server: String,
    lost: AtomicBool,
    changed: Notify,
}

impl Session {
    fn new(server: &str) -> Self {
        let (server, lost) = (server.to_owned(), AtomicBool::new(false));
        Session(Arc::new(Line { server, lost, changed: Notify::new() }))
    }

    fn lose(&self) {
        self.0.lost.store(true, Ordering::Release);
        self.0.changed.notify_one();
    }

    fn is_lost(&self) -> bool {
        self.0.lost.load(Ordering::Acquire)
    }
}

/// How the feed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hearing {
    /// Nobody keeps copies in memory.
    NotWanted,
    /// What was published so long ago, or earlier, has been heard.
    Lag(Duration),
    /// It is not connected.
    Deaf,
}

impl Feed {
    pub(super) fn want(&self) {
        self.wanted.store(true, Ordering::Release);
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }

    pub(super) fn hearing(&self) -> Hearing {
        if !self.is_wanted() {
            return Hearing::NotWanted;
        }
        let state = self.lock();
        match &state.session {
            Some(session) if !session.is_lost() => Hearing::Lag(Duration::from_millis(
                precise_ms().saturating_sub(state.current_at_ms),
            )),
            _ => Hearing::Deaf,
        }
    }

    /// Waits for the first connection, which is made right after that of the link.
    pub(super) async fn begun(&self, link: &Link) {
        loop {
            let changed = link.changed.notified();
            let is_up = matches!(link.state(), State::Up(_));
            if !is_up || !self.is_wanted() || self.sessions.get() > 0 {
                return;
            }
            changed.await;
        }
    }

    /// Whether it listens to this server, and has missed nothing since it began to.
    pub(super) fn hears(&self, server: &str) -> bool {
        let state = self.lock();
        state.session.as_ref().is_some_and(|s| !s.is_lost() && s.0.server == server)
    }

    fn lock(&self) -> MutexGuard<'_, Listening> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The responsibility for the feed, as long as a link has it.
struct Claim {
    shared: Weak<Shared>,
    id: u64,
}

impl Claim {
    /// The manager, if it is still there and this claim has not been taken over.
    fn shared(&self) -> Option<Arc<Shared>> {
        let shared = self.shared.upgrade()?;
        let mut state = shared.feed.lock();
        let claim = state.claim.as_mut().filter(|claim| claim.0 == self.id)?;
        claim.1 = precise_ms();
        drop(state);
        Some(shared)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let Some(shared) = self.shared() else { return };
        let mut state = shared.feed.lock();
        state.claim = None;
        state.session = None;
        drop(state);
        // Another link may take it over.
        shared.wake_links();
    }
}

/// Has this link listen, unless another one does or nobody needs it.
pub(super) fn ensure(shared: &Arc<Shared>, link: &Arc<Link>) {
    if !shared.feed.is_wanted() || shared.is_closed() {
        return;
    }
    let Ok(runtime) = Handle::try_current() else { return };
    if matches!(link.state(), State::Down(_) | State::Closed) {
        return;
    }
    if matches!(link.state(), State::Up(ready) if !ready.has_feed()) {
        return shared.say_deaf("it has no PUBLISH");
    }
    let now = precise_ms();
    let mut state = shared.feed.lock();
    if state.claim.is_some_and(|(_, seen)| now.saturating_sub(seen) < millis(ASLEEP)) {
        return;
    }
    let claim = Claim { shared: Arc::downgrade(shared), id: random::word() };
    state.claim = Some((claim.id, now));
    state.session = None;
    drop(state);
    runtime.spawn(attend(claim, Arc::clone(link)));
}

/// The task: listens while the link is up, again and again.
async fn attend(claim: Claim, link: Arc<Link>) {
    let mut backoff = Backoff::default();
    while let Some(ready) = up(&claim, &link).await {
        let Some(shared) = claim.shared() else { return };
        let Err(error) = shared.listen(&claim, &link, &ready).await else { return };
        if shared.feed.lock().session.take().is_some() {
            tracing::debug!(%error, "the feed of invalidations was interrupted");
            shared.feed.interruptions.one();
            backoff = Backoff::default();
        }
        if is_refusal(&error) {
            shared.say_deaf(&error.to_string());
        } else {
            // It may be Redis itself that is gone.
            link.attention.notify_one();
        }
        drop(shared);
        sleep(backoff.next()).await;
    }
}

/// The link's connection, once it is up; `None` at the end of it all.
async fn up(claim: &Claim, link: &Link) -> Option<Arc<Ready>> {
    loop {
        let changed = link.changed.notified();
        match link.state() {
            State::Up(ready) => return Some(ready),
            State::Closed => return None,
            State::Connecting | State::Suspect(_) | State::Down(_) => {}
        }
        claim.shared()?;
        let _ = timeout(ASLEEP / 4, changed).await;
    }
}

impl Shared {
    /// Listens until the connection is lost, or the link: an error; or until the end of it all.
    async fn listen(
        self: &Arc<Self>,
        claim: &Claim,
        link: &Link,
        ready: &Ready,
    ) -> RedisResult<()> {
        let session = Session::new(ready.server());
        let ears = ready.nodes().map(|node| self.subscribe(&session, node));
        let ears = self.within_connect_timeout(async { Ok(join_all(ears).await) }).await?;
        let ears = ears.into_iter().collect::<RedisResult<Vec<_>>>()?;
        let mut sent = self.moment();
        let mut view = beat(&ears).await?;
        let mut looks = LOOKS;
        self.has_all_masters(&ears).await?;
        // From here on nothing is missed; what was missed before counts no more.
        self.generations.bump_epoch();
        self.feed.lock().session = Some(session.clone());
        self.feed.sessions.one();
        while claim.shared().is_some() {
            self.renew(&session, sent)?;
            link.changed.notify_waiters();
            let _ = timeout(BEAT, session.0.changed.notified()).await;
            match link.state() {
                State::Up(_) | State::Suspect(_) if !session.is_lost() => {}
                State::Closed => return Ok(()),
                _ => return Err(lost()),
            }
            sent = self.moment();
            let seen = beat(&ears).await?;
            if seen != view {
                view = seen;
                looks = LOOKS;
            }
            if looks > 0 {
                looks -= 1;
                self.has_all_masters(&ears).await?;
            }
        }
        Ok(())
    }

    async fn subscribe(self: &Arc<Self>, session: &Session, node: &Node) -> RedisResult<Ear> {
        let (shared, line) = (Arc::downgrade(self), session.clone());
        let hear = move |push: PushInfo| {
            match (push.kind, shared.upgrade()) {
                (PushKind::Message, Some(shared)) => shared.hear(push.data.last()),
                (PushKind::Disconnection, _) | (_, None) => line.lose(),
                _ => {}
            }
            Ok::<(), redis::aio::SendError>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.settings.connect_timeout))
            .set_response_timeout(None)
            .set_push_sender(hear);
        let servers = &self.settings.servers;
        let mut connection = servers.open(&Servers::speaking(&node.info), &config).await?;
        if Identity::ask(&mut connection).await?.server != node.server {
            return Err(lost());
        }
        connection.subscribe(self.feed_channel()).await?;
        Ok(Ear { node: node.clone(), connection })
    }

    /// Whether each master of a cluster is listened to. All are asked: they do not hear of a new one at the
    /// same time.
    async fn has_all_masters(&self, ears: &[Ear]) -> RedisResult<()> {
        let encrypted = self.settings.servers.are_encrypted();
        let asked = ears.iter().filter(|ear| ear.node.is_of_cluster);
        let told = join_all(asked.map(async |Ear { node, connection }| {
            let masters = topology::masters(&mut connection.clone(), encrypted).await?;
            let is_heard = |master: &Master| {
                let host = master.host.as_deref().or(node.host()).unwrap_or_default();
                ears.iter().any(|ear| ear.node.is_at(host, master.port))
            };
            if masters.iter().all(is_heard) { Ok(()) } else { Err(lost()) }
        }));
        told.await.into_iter().collect()
    }

    /// Now, by the precise clock and by the manager's.
    fn moment(&self) -> (u64, u64) {
        (precise_ms(), self.clock.now_ms())
    }

    /// An answer to a ping that was sent at this moment has come.
    fn renew(&self, session: &Session, (sent_ms, by_clock_ms): (u64, u64)) -> RedisResult<()> {
        let mut state = self.feed.lock();
        // Under the lock: a session that has been given up must not renew the lease of the next.
        let current = state.session.as_ref().is_some_and(|s| Arc::ptr_eq(&s.0, &session.0));
        if !current {
            return Err(lost());
        }
        state.current_at_ms = sent_ms;
        self.generations.lease.renew(sent_ms, by_clock_ms);
        Ok(())
    }

    /// Once: what is lost where this server's invalidations cannot be heard.
    fn say_deaf(&self, reason: &str) {
        if !self.feed.is_said.swap(true, Ordering::Relaxed) {
            self.note_deaf(reason);
            tracing::warn!(
                redis = self.settings.address,
                reason,
                "invalidations of other processes cannot be heard: while this Redis is used nothing is kept \
                 in memory, and each value is read from it"
            );
        }
    }

    /// Gives up the connection: it is to a server that is not the one in use, or nobody needs it.
    pub(super) fn give_up_feed(&self) {
        let mut state = self.feed.lock();
        if let Some(session) = state.session.take() {
            session.lose();
        }
        self.generations.lease.end();
    }

    /// What was published by another process, or by this one.
    fn hear(&self, payload: Option<&Value>) {
        let Some(Value::BulkString(bytes)) = payload else {
            return self.hear_noise();
        };
        let Some(notice) = notice::read(bytes) else {
            return self.hear_noise();
        };
        // What this process has invalidated it has already marked, or is about to.
        if notice.source == self.source || notice.items.is_empty() {
            return;
        }
        self.feed.heard.one();
        for item in notice.items {
            match item {
                Item::Key(key) => self.hear_key(key),
                Item::Pattern(pattern) => {
                    if let Some(host) = self.host.upgrade() {
                        host.hear_cleared(pattern);
                    }
                }
            }
        }
    }

    fn hear_key(&self, key: &str) {
        if key == super::mirror::ROOT {
            self.generations.bump_epoch();
        } else if let Some(tag) = key.strip_prefix(super::shared::TOKEN) {
            self.generations.bump(Slot::tag(tag));
        } else {
            self.generations.bump(Slot::name(key));
        }
    }

    /// What it means is not known, so it may mean everything.
    fn hear_noise(&self) {
        tracing::debug!("a notice on the feed cannot be read: nothing in memory is trusted");
        self.generations.bump_epoch();
    }
}

/// A server that is listened to.
struct Ear {
    node: Node,
    connection: MultiplexedConnection,
}

/// Waits until each server has answered, and with that all that it had published: what they say of their
/// cluster, if they are of one.
async fn beat(ears: &[Ear]) -> RedisResult<Vec<String>> {
    let ask = async |ear: &Ear| {
        let mut connection = ear.connection.clone();
        if ear.node.is_of_cluster {
            let info: String = cmd("CLUSTER").arg("INFO").query_async(&mut connection).await?;
            return topology::view(&info).ok_or_else(lost);
        }
        match cmd("PING").query_async::<Value>(&mut connection).await {
            // A refusal is an answer, too.
            Err(error) if !rights::is_refusal(&error) => Err(error),
            _ => Ok(String::new()),
        }
    };
    let answers = timeout(PATIENCE, join_all(ears.iter().map(ask))).await;
    answers.map_err(|_| no_answer(PATIENCE))?.into_iter().collect()
}

fn lost() -> RedisError {
    RedisError::from((ErrorKind::Io, "the connection of the feed is lost"))
}

/// Whether the server has understood what was asked, and does not do it.
fn is_refusal(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::RESP3NotSupported
    )
}
