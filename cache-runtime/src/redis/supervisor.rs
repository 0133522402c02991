//! The tasks of a link: one that connects, supervises and reconnects, and those that send pending removals
//! and report statistics.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use redis::{Value, cmd};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use super::backoff::Backoff;
use super::error::{Deadline, Lost, StoreError, StoreResult};
use super::lane::Lane;
use super::link::{Link, LinkGuard, LinkState};
use super::node::Node;
use super::ready::Ready;
use super::rights::{self, Need};
use super::script::Loaded;
use super::shared::Shared;
use super::{connect, listener, pending, removal, sums, tls};
use crate::error::with_causes;
use crate::support::clock::millis;

/// The life of the record in Redis that a run of the server has been identified. Each health check renews it.
const RUN_TTL: Duration = Duration::from_secs(7 * 24 * 3600);

/// Begins the tasks of a new link.
pub(super) fn begin(runtime: &Handle, shared: &Arc<Shared>, link: &Arc<Link>) {
    // Made before the spawn: a runtime that is shutting down may drop the task before it has begun.
    let guard = LinkGuard::new(link);
    runtime.spawn(attend(guard, Arc::downgrade(shared)));
    runtime.spawn(pending::attend(Arc::downgrade(shared), Arc::clone(link)));
    let interval = shared.settings.stats_interval;
    if !interval.is_zero() {
        runtime.spawn(sums::attend(Arc::downgrade(shared), Arc::clone(link), interval));
    }
}

/// Runs the task of a link: it connects, supervises and reconnects, until the manager no longer exists.
pub(super) async fn attend(guard: LinkGuard, shared: Weak<Shared>) {
    let link = Arc::clone(guard.link());
    let mut backoff = Backoff::default();
    let mut was_down = false;
    loop {
        let Some(strong) = shared.upgrade() else {
            return;
        };
        match connected(&strong).await {
            Ok(ready) if !link.ended() => {
                strong.log_up(was_down, ready.server());
                go_up(&link, &strong, ready);
                backoff = Backoff::default();
                drop(strong);
                let Some(error) = watch(&link, &shared).await else {
                    return;
                };
                let Some(strong) = shared.upgrade() else {
                    return;
                };
                strong.log_down(&with_causes(&error));
                was_down = true;
                let error = Arc::new(error);
                strong.suspect(&link, &error);
                link.set(LinkState::Down(error));
            }
            Ok(_) => return,
            Err(error) if !link.ended() => {
                let reason = with_causes(&error);
                if matches!(link.state(), LinkState::Connecting) {
                    strong.log_down(&reason);
                    was_down = true;
                } else {
                    strong.log_still_down(&reason);
                }
                link.set(LinkState::Down(Arc::new(error)));
            }
            Err(_) => return,
        }
        sleep(backoff.next()).await;
        if link.ended() {
            return;
        }
    }
}

/// Makes the connection usable.
///
/// The contents of memory from the time without Redis become stale, including those of loads that began just
/// before. They stay valid if the feed has received all invalidations meanwhile.
fn go_up(link: &Arc<Link>, shared: &Arc<Shared>, ready: Arc<Ready>) {
    if shared.feed.is_connected_to(ready.server()) {
        link.set(LinkState::Up(ready));
    } else {
        shared.feed.give_up(&shared.generations.lease);
        // From here on, loads no longer store in memory. Until the link is up, operations wait.
        link.set(LinkState::Connecting);
        shared.generations.bump_epoch();
        link.set(LinkState::Up(ready));
    }
    listener::ensure(shared, link);
}

/// Supervises a link that is up. Returns the error that ended it, or `None` if the manager no longer exists.
async fn watch(link: &Arc<Link>, shared: &Weak<Shared>) -> Option<StoreError> {
    loop {
        // After an event and at each interval, everything is checked.
        attention(link, shared).await?;
        let shared = shared.upgrade()?;
        let (before, suspect) = match link.state() {
            LinkState::Up(ready) => (ready, false),
            LinkState::Suspect(ready, _) => (ready, true),
            LinkState::Closed => return None,
            LinkState::Connecting | LinkState::Down(_) => return Some(Lost::Link.into()),
        };
        match check(&shared, link, &before).await {
            // The masters of a cluster may have changed.
            Ok(ready) if !suspect && ready.server() != before.server() => {
                go_up(link, &shared, ready);
            }
            Ok(ready) if suspect => match shared.record.pause(Instant::now()) {
                None => go_up(link, &shared, ready),
                Some(pause) => {
                    tracing::debug!(
                        ?pause,
                        "Redis answers, but operations fail; it is not used during the pause"
                    );
                    drop(shared);
                    // After the pause, the link is checked again.
                    sleep(pause).await;
                    link.attention.notify_one();
                }
            },
            Ok(ready) => {
                link.renew(ready);
                listener::ensure(&shared, link);
            }
            Err(error) => return Some(error),
        }
    }
}

/// Waits until an event occurs or a check is due. Meanwhile, ensures that a link listens to the feed, because
/// the runtime of the present listener may no longer be driven.
async fn attention(link: &Arc<Link>, shared: &Weak<Shared>) -> Option<()> {
    let mut left = shared.upgrade()?.settings.health_interval;
    while !left.is_zero() {
        let strong = shared.upgrade()?;
        let wait = if strong.feed.is_wanted() { left.min(listener::LOOK) } else { left };
        drop(strong);
        if timeout(wait, link.attention.notified()).await.is_ok() {
            break;
        }
        left -= wait;
        listener::ensure(&shared.upgrade()?, link);
    }
    Some(())
}

async fn connected(shared: &Shared) -> StoreResult<Arc<Ready>> {
    let attempt = async {
        let first = connect::begin_with(&shared.connector).await?;
        let scripts = Arc::new(Loaded::load(&first).await?);
        let ready = complete(shared, first, Vec::new(), scripts).await?;
        // A server that refuses writes may still allow removals.
        replay(shared, &ready).await?;
        make_known(shared, &ready).await?;
        StoreResult::Ok(Arc::new(ready))
    };
    shared.connector.within_connect_timeout(attempt).await.map_err(|error| {
        match tls::advice(&error, &shared.settings.servers.tls) {
            Some(advice) => StoreError::Certificate { advice, cause: Arc::new(error) },
            None => error,
        }
    })
}

/// Probes the servers, sends pending removals, and measures the servers' clocks. In a cluster, also requests
/// the slots and connects to new masters.
async fn check(shared: &Shared, link: &Link, ready: &Ready) -> StoreResult<Arc<Ready>> {
    let was_refused = link.take_refused();
    let check = async |node: &Node| {
        let node = node.check(shared.settings.deadline).await?;
        // A missing right may have been granted meanwhile.
        let is_due = was_refused || !node.lacks.is_empty();
        if is_due { node.check_rights(&shared.connector).await } else { Ok(node) }
    };
    let nodes = join_all(ready.nodes().map(check)).await;
    let mut nodes = nodes.into_iter().collect::<StoreResult<Vec<_>>>()?;
    let first = nodes.remove(0);
    let completed = complete(shared, first, nodes, Arc::clone(ready.scripts()));
    let checked = shared.connector.within_connect_timeout(completed).await?;
    let rest = async {
        replay(shared, &checked).await?;
        if checked.server() != ready.server() {
            return make_known(shared, &checked).await;
        }
        keep_known(shared, &checked).await
    };
    let late = StoreError::Timeout(Deadline::Operation, shared.settings.deadline);
    timeout(shared.settings.deadline, rest).await.unwrap_or(Err(late))?;
    Ok(Arc::new(checked))
}

/// Connects to all servers, and reports the rights that the user lacks there.
async fn complete(
    shared: &Shared,
    first: Node,
    known: Vec<Node>,
    scripts: Arc<Loaded>,
) -> StoreResult<Ready> {
    let ready = connect::complete(&shared.connector, first, known, scripts).await?;
    // A missing right for the feed is reported when a listener needs it.
    let lacks = ready.nodes().flat_map(|node| &*node.lacks).filter(|lack| lack.need != Need::Feed);
    let settings = &shared.settings;
    shared.note_lacks(rights::describe_all(lacks, settings.user(), &settings.namespace));
    Ok(ready)
}

/// Identifies the servers, and records them as known. The links of one process do this one after the other.
/// If a link removed the root's token after another one is up, all values that were loaded by then would
/// become stale.
async fn make_known(shared: &Shared, ready: &Ready) -> StoreResult<()> {
    let _permit = shared.permit_to_identify().await;
    identify(shared, ready).await?;
    keep_known(shared, ready).await
}

/// Removes the root's token on a server that has not been identified, before anything is read from it. Such a
/// server may hold data from before confirmed invalidations.
async fn identify(shared: &Shared, ready: &Ready) -> StoreResult<()> {
    if shared.settings.trust_restart {
        return Ok(());
    }
    let runs: Vec<_> = ready.nodes().map(|node| shared.keys.run(&node.server)).collect();
    let known = ready.values(Lane::Quick, &runs).await?;
    if known.contains(&Value::Nil) {
        let root = [shared.keys.root()];
        removal::remove(shared, ready, Lane::Quick, &root, 1, &shared.notice_of(&root)).await?;
        tracing::debug!(
            servers = ready.server(),
            "this Redis server is not known yet; its existing values are not used"
        );
    }
    Ok(())
}

/// Records that the servers are identified, or renews the record. The write is made each time, because a
/// read-only server is useless: no load could be validated.
async fn keep_known(shared: &Shared, ready: &Ready) -> StoreResult<()> {
    let known = async |node: &Node| {
        let key = shared.keys.run(&node.server);
        let mut set = cmd("SET");
        set.arg(&key).arg(1).arg("PX").arg(millis(RUN_TTL));
        ready.ask(Lane::Quick, &key, &set).await
    };
    join_all(ready.nodes().map(known)).await.into_iter().collect()
}

/// Sends the present pending removals. Those that are added meanwhile wait for the next check, so that this
/// ends.
async fn replay(shared: &Shared, ready: &Ready) -> StoreResult<()> {
    let batches = shared.journal.batches();
    for batch in &batches {
        pending::send_batch(shared, ready, batch).await?;
    }
    if !batches.is_empty() && !shared.feed.is_connected_to(ready.server()) {
        // During the outage, memory replaced Redis, and no invalidations of other processes were received.
        shared.generations.bump_epoch();
    }
    Ok(())
}
