//! Sends pending removals, and waits for those that a read depends on.

use std::sync::{Arc, Weak};

use super::error::StoreResult;
use super::lane::Lane;
use super::link::{Link, LinkState};
use super::ready::Ready;
use super::removal;
use super::shared::{Permit, Shared};
use super::unavailable::Unavailable;
use crate::support::timer::timeout;

/// Runs the task of a link that sends pending removals at once. One step takes those that were added during
/// the last one.
pub(super) async fn attend(shared: Weak<Shared>, link: Arc<Link>) {
    while !link.ended() {
        link.pending.notified().await;
        let Some(shared) = shared.upgrade() else { return };
        let _ = send_pending(&shared, &link).await;
        // No read waits for removals that are not being sent.
        shared.journal.changed.notify_waiters();
    }
}

/// Sends the pending removals. All links are woken, and one of them sends. If it takes too long, another link
/// takes over, because the runtime of the first may not be driven.
async fn send_pending(shared: &Arc<Shared>, link: &Link) -> Result<(), Unavailable> {
    while !shared.journal.is_empty() && matches!(link.state(), LinkState::Up(_)) {
        let _sender = timeout(shared.settings.deadline / 4, shared.journal.sender.lock()).await;
        let permit = shared.permit_to_remove().await?;
        for batch in shared.journal.batches() {
            permit.ask(send_batch(shared, &permit.ready, &batch)).await?;
        }
    }
    Ok(())
}

/// Sends removals of the journal, and confirms them.
pub(super) async fn send_batch(
    shared: &Shared,
    ready: &Ready,
    batch: &[(String, u64)],
) -> StoreResult<()> {
    let keys: Vec<String> = batch.iter().map(|(key, _)| key.clone()).collect();
    let notice = shared.notice_of(&keys);
    removal::remove(shared, ready, Lane::Quick, &keys, keys.len(), &notice).await?;
    shared.journal.confirm(batch);
    Ok(())
}

/// Returns a permit to read these keys, if Redis can be used now. It waits for the removals of these keys
/// that were pending at the call. Later removals belong to invalidations that had not returned by then.
pub(super) async fn permit(
    shared: &Arc<Shared>,
    keys: impl FnOnce() -> Vec<String>,
) -> Result<Permit<'_>, Unavailable> {
    // R6: a key is not read while its removal is pending.
    if !shared.journal.is_empty() {
        let (until, keys) = (shared.journal.last(), keys());
        removed(shared, || !shared.journal.has_pending(&keys, until)).await?;
    }
    shared.permit_to_remove().await
}

/// Returns a permit to read any keys, in the same way.
pub(super) async fn permit_for_any(shared: &Arc<Shared>) -> Result<Permit<'_>, Unavailable> {
    let until = shared.journal.last();
    removed(shared, || !shared.journal.has_any_pending(until)).await?;
    shared.permit_to_remove().await
}

/// Waits until the removals are confirmed, at most for the duration of an operation and while the link is up.
async fn removed(shared: &Arc<Shared>, is_so: impl Fn() -> bool) -> Result<(), Unavailable> {
    if is_so() {
        return Ok(());
    }
    let link = shared.link()?;
    link.ready().await?;
    link.pending.notify_one();
    let waiting = async {
        loop {
            let changed = shared.journal.changed.notified();
            if is_so() {
                return Ok(());
            }
            link.state().ready()?;
            changed.await;
        }
    };
    timeout(shared.settings.deadline, waiting).await.unwrap_or(Err(Unavailable::Unconfirmed))
}
