//! The task that listens to the feed.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, PushInfo, PushKind, Value, cmd};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use super::backoff::Backoff;
use super::error::{Deadline, Lost, StoreError, StoreResult};
use super::feed::Session;
use super::identity::ServerIdentity;
use super::keys::TOKEN;
use super::link::{Link, LinkState};
use super::node::Node;
use super::notice::{self, Item};
use super::ready::Ready;
use super::servers::Servers;
use super::shared::Shared;
use super::token_cache::ROOT;
use super::topology::{self, Master};
use crate::coherence::generation::Slot;
use crate::coherence::lease::LEASE;
use crate::error::with_causes;
use crate::support::clock::{millis, precise_ms};
use crate::support::random;

/// The interval of the pings that renew the lease.
const BEAT: Duration = Duration::from_millis(500);
/// The time without a reply after which a connection is given up.
const PATIENCE: Duration = LEASE;
/// The number of checks of a cluster's masters after a change. The cluster counts the change before all of
/// its nodes have received it.
const LOOKS: u32 = 10;
/// The time without activity after which the runtime of a task counts as not driven. With the interval below,
/// another link takes over within ten seconds.
const ASLEEP: Duration = Duration::from_secs(8);
/// The interval at which a link checks that the feed has a listener.
pub(super) const LOOK: Duration = Duration::from_secs(2);

/// The responsibility for the feed, as long as a link has it.
struct ListenerClaim {
    shared: Weak<Shared>,
    id: u64,
}

impl ListenerClaim {
    /// Returns the manager, if it still exists and this claim has not been taken over.
    fn shared(&self) -> Option<Arc<Shared>> {
        let shared = self.shared.upgrade()?;
        let mut state = shared.feed.lock();
        let claim = state.claim.as_mut().filter(|claim| claim.0 == self.id)?;
        claim.1 = precise_ms();
        drop(state);
        Some(shared)
    }
}

impl Drop for ListenerClaim {
    fn drop(&mut self) {
        let Some(shared) = self.shared() else { return };
        let mut state = shared.feed.lock();
        state.claim = None;
        state.session = None;
        drop(state);
        shared.feed.answered.notify_waiters();
        // Another link may take over the claim.
        shared.wake_links();
    }
}

/// Starts the listener on this link, unless another link has one or no copies are kept.
pub(super) fn ensure(shared: &Arc<Shared>, link: &Arc<Link>) {
    if !shared.feed.is_wanted() || shared.is_closed() {
        return;
    }
    let Ok(runtime) = Handle::try_current() else { return };
    if matches!(link.state(), LinkState::Down(_) | LinkState::Closed) {
        return;
    }
    if matches!(link.state(), LinkState::Up(ready) if !ready.has_feed()) {
        return report_no_feed(shared, "it has no PUBLISH");
    }
    let now = precise_ms();
    let mut state = shared.feed.lock();
    if state.claim.is_some_and(|(_, seen)| now.saturating_sub(seen) < millis(ASLEEP)) {
        return;
    }
    let claim = ListenerClaim { shared: Arc::downgrade(shared), id: random::word() };
    state.claim = Some((claim.id, now));
    state.session = None;
    drop(state);
    runtime.spawn(attend(claim, Arc::clone(link)));
}

/// Runs the task, which listens while the link is up.
async fn attend(claim: ListenerClaim, link: Arc<Link>) {
    let mut backoff = Backoff::default();
    while let Some(ready) = up(&claim, &link).await {
        let Some(shared) = claim.shared() else { return };
        let Err(error) = listen(&shared, &claim, &link, &ready).await else { return };
        shared.feed.has_failed.store(true, Ordering::Release);
        let session = shared.feed.lock().session.take();
        shared.feed.answered.notify_waiters();
        if session.is_some() {
            tracing::debug!(
                reason = with_causes(&error),
                "the feed of invalidations was interrupted"
            );
            shared.feed.interruptions.one();
            backoff = Backoff::default();
        }
        if error.rules_out_feed() {
            report_no_feed(&shared, &with_causes(&error));
        } else {
            // Redis itself may be unavailable.
            link.attention.notify_one();
        }
        drop(shared);
        sleep(backoff.next()).await;
    }
}

/// Waits until the link is up, and returns its connection; `None` if the manager no longer exists.
async fn up(claim: &ListenerClaim, link: &Link) -> Option<Arc<Ready>> {
    loop {
        let changed = link.changed.notified();
        match link.state() {
            LinkState::Up(ready) => return Some(ready),
            LinkState::Closed => return None,
            LinkState::Connecting | LinkState::Suspect(..) | LinkState::Down(_) => {}
        }
        claim.shared()?;
        let _ = timeout(ASLEEP / 4, changed).await;
    }
}

/// Listens until the manager no longer exists.
///
/// # Errors
/// If the connection or the link is lost.
async fn listen(
    shared: &Arc<Shared>,
    claim: &ListenerClaim,
    link: &Link,
    ready: &Ready,
) -> StoreResult<()> {
    let session = Session::new(ready.server());
    let subscriptions = ready.nodes().map(|node| subscribe(shared, &session, node));
    let subscriptions = shared
        .connector
        .within_connect_timeout(async { Ok(join_all(subscriptions).await) })
        .await?;
    let subscriptions = subscriptions.into_iter().collect::<StoreResult<Vec<_>>>()?;
    let mut sent = moment(shared);
    let mut asked = shared.feed.asked();
    let mut view = beat(&subscriptions).await?;
    let mut looks = LOOKS;
    has_all_masters(shared, &subscriptions).await?;
    // From here on, no notice is missed. In the new epoch, earlier entries are stale.
    shared.generations.bump_epoch();
    shared.feed.lock().session = Some(session.clone());
    shared.feed.sessions.one();
    while claim.shared().is_some() {
        renew(shared, &session, sent, asked)?;
        link.changed.notify_waiters();
        let is_due = timeout(BEAT, session.0.changed.notified()).await.is_err();
        match link.state() {
            LinkState::Up(_) | LinkState::Suspect(..) if !session.is_lost() => {}
            LinkState::Closed => return Ok(()),
            _ => return Err(Lost::Feed.into()),
        }
        (sent, asked) = (moment(shared), shared.feed.asked());
        let seen = beat(&subscriptions).await?;
        if seen != view {
            view = seen;
            looks = LOOKS;
        }
        if looks > 0 {
            // The looks are spread over time, however many pings are requested.
            looks -= u32::from(is_due);
            has_all_masters(shared, &subscriptions).await?;
        }
    }
    Ok(())
}

async fn subscribe(
    shared: &Arc<Shared>,
    session: &Session,
    node: &Node,
) -> StoreResult<Subscription> {
    let (manager, line) = (Arc::downgrade(shared), session.clone());
    let receive = move |push: PushInfo| {
        match (push.kind, manager.upgrade()) {
            (PushKind::Message, Some(shared)) => receive(&shared, push.data.last()),
            (PushKind::Disconnection, _) | (_, None) => line.lose(),
            _ => {}
        }
        Ok::<(), redis::aio::SendError>(())
    };
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(shared.settings.connect_timeout))
        .set_response_timeout(None)
        .set_push_sender(receive);
    let servers = &shared.settings.servers;
    let mut connection = servers.open(&Servers::speaking(&node.info), &config).await?;
    if ServerIdentity::ask(&mut connection).await?.server != node.server {
        return Err(Lost::Feed.into());
    }
    connection.subscribe(shared.keys.feed()).await?;
    Ok(Subscription { node: node.clone(), connection })
}

/// Checks that there is a subscription to each master of a cluster. Every master gets the request, because
/// the masters are informed of a new one at different times.
async fn has_all_masters(shared: &Shared, subscriptions: &[Subscription]) -> StoreResult<()> {
    let encrypted = shared.settings.servers.are_encrypted();
    let asked = subscriptions.iter().filter(|subscription| subscription.node.is_of_cluster);
    let told = join_all(asked.map(async |Subscription { node, connection }| {
        let masters = topology::masters(&mut connection.clone(), encrypted).await?;
        let is_received = |master: &Master| {
            let host = master.host.as_deref().or(node.host()).unwrap_or_default();
            subscriptions.iter().any(|subscription| subscription.node.is_at(host, master.port))
        };
        if masters.iter().all(is_received) { Ok(()) } else { Err(Lost::Feed.into()) }
    }));
    told.await.into_iter().collect()
}

/// Returns the time, by the precise clock and by the manager's.
fn moment(shared: &Shared) -> (u64, u64) {
    (precise_ms(), shared.clock.now_ms())
}

/// Renews the lease after the reply to a ping that was sent at this moment.
fn renew(
    shared: &Shared,
    session: &Session,
    (sent_ms, by_clock_ms): (u64, u64),
    asked: u64,
) -> StoreResult<()> {
    let mut state = shared.feed.lock();
    // The check is made under the lock: a session that has ended must not renew the lease of the next one.
    let current = state.session.as_ref().is_some_and(|s| Arc::ptr_eq(&s.0, &session.0));
    if !current {
        return Err(Lost::Feed.into());
    }
    state.renew(sent_ms, asked);
    shared.generations.lease.renew(sent_ms, by_clock_ms);
    drop(state);
    shared.feed.answered.notify_waiters();
    Ok(())
}

/// Reports once that invalidations cannot be received from this server.
fn report_no_feed(shared: &Shared, reason: &str) {
    if !shared.feed.is_said.swap(true, Ordering::Relaxed) {
        shared.note_no_feed(reason);
        tracing::warn!(
            redis = shared.settings.address,
            reason,
            "invalidations of other processes cannot be received: while this Redis is used, nothing is kept \
             in memory, and each value is read from Redis"
        );
    }
}

/// Handles a message that another process, or this one, has published.
fn receive(shared: &Shared, payload: Option<&Value>) {
    let Some(Value::BulkString(bytes)) = payload else {
        return receive_unreadable(shared);
    };
    let Some(notice) = notice::read(bytes) else {
        return receive_unreadable(shared);
    };
    // This process has raised the generations itself for its own invalidations.
    if notice.source == shared.source() || notice.items.is_empty() {
        return;
    }
    shared.feed.received.one();
    for item in notice.items {
        match item {
            Item::Key(key) => receive_key(shared, key),
            Item::Pattern(pattern) => {
                if let Some(host) = shared.host.upgrade() {
                    host.receive_cleared(pattern);
                }
            }
        }
    }
}

fn receive_key(shared: &Shared, key: &str) {
    if key == ROOT {
        shared.generations.bump_epoch();
    } else if let Some(tag) = key.strip_prefix(TOKEN) {
        shared.generations.bump(Slot::tag(tag));
    } else {
        shared.generations.bump(Slot::name(key));
    }
}

/// Handles an unreadable message: it may have invalidated anything.
fn receive_unreadable(shared: &Shared) {
    tracing::debug!("a notice on the feed cannot be read: nothing in memory is trusted");
    shared.generations.bump_epoch();
}

/// A subscription to one server.
struct Subscription {
    node: Node,
    connection: MultiplexedConnection,
}

/// Waits for a reply of each server, after which all of its earlier notices have been received. Returns the
/// state of the cluster that each node reports.
async fn beat(subscriptions: &[Subscription]) -> StoreResult<Vec<String>> {
    let ask = async |subscription: &Subscription| {
        let mut connection = subscription.connection.clone();
        if subscription.node.is_of_cluster {
            let info: String = cmd("CLUSTER").arg("INFO").query_async(&mut connection).await?;
            return topology::view(&info).ok_or(StoreError::Lost(Lost::Feed));
        }
        match cmd("PING").query_async::<Value>(&mut connection).await {
            // A refusal is also a reply.
            Err(error) => match StoreError::from(error) {
                error if error.is_refusal() => Ok(String::new()),
                error => Err(error),
            },
            Ok(_) => Ok(String::new()),
        }
    };
    let answers = timeout(PATIENCE, join_all(subscriptions.iter().map(ask))).await;
    let late = |_| StoreError::Timeout(Deadline::Fixed, PATIENCE);
    answers.map_err(late)?.into_iter().collect()
}
