//! Sending pending removals at once, and waiting for those that a question depends on.

use std::sync::{Arc, Weak};

use super::Away;
use super::link::{Link, State};
use super::node::Lane;
use super::ready::Ready;
use super::shared::{Shared, Turn};
use crate::timer::timeout;

/// The task of a link that sends what is pending, as soon as it is. In one step goes what has come
/// together while the last one was under way.
pub(super) async fn attend(shared: Weak<Shared>, link: Arc<Link>) {
    while !link.ended() {
        link.pending.notified().await;
        let Some(shared) = shared.upgrade() else { return };
        let _ = shared.send_pending(&link).await;
        // Nobody is to wait for what is not sent.
        shared.journal.changed.notify_waiters();
    }
}

impl Shared {
    async fn send_pending(self: &Arc<Self>, link: &Link) -> Result<(), Away> {
        while !self.journal.is_empty() && matches!(link.state(), State::Up(_)) {
            let turn = self.turn_to_remove().await?;
            for batch in self.journal.batches() {
                turn.ask(self.send_batch(&turn.ready, &batch)).await?;
            }
        }
        Ok(())
    }

    /// Sends removals of the journal, and strikes them out.
    pub(super) async fn send_batch(
        &self,
        ready: &Ready,
        batch: &[(String, u64)],
    ) -> redis::RedisResult<()> {
        let keys: Vec<String> = batch.iter().map(|(key, _)| key.clone()).collect();
        let notice = self.notice_of(&keys);
        self.send_removal(ready, Lane::Quick, &keys, keys.len(), &notice).await?;
        self.journal.confirm(batch);
        Ok(())
    }

    /// A turn to ask for these keys, if Redis can be used now: after the removals of them that were
    /// pending when this was called. Those that come later belong to invalidations that had not
    /// returned by then.
    pub(super) async fn turn(
        self: &Arc<Self>,
        keys: impl FnOnce() -> Vec<String>,
    ) -> Result<Turn<'_>, Away> {
        // R6: no key is read whose removal is pending.
        if !self.journal.is_empty() {
            let (until, keys) = (self.journal.last(), keys());
            self.removed(|| !self.journal.owes(&keys, until)).await?;
        }
        self.turn_to_remove().await
    }

    /// A turn to ask for any keys, in the same way.
    pub(super) async fn turn_for_any(self: &Arc<Self>) -> Result<Turn<'_>, Away> {
        let until = self.journal.last();
        self.removed(|| !self.journal.owes_any(until)).await?;
        self.turn_to_remove().await
    }

    /// Waits until it is so, for as long as an operation may take and the link is up.
    async fn removed(self: &Arc<Self>, is_so: impl Fn() -> bool) -> Result<(), Away> {
        if is_so() {
            return Ok(());
        }
        let link = self.link().ok_or(Away)?;
        link.ready().await.ok_or(Away)?;
        link.pending.notify_one();
        let waiting = async {
            loop {
                let changed = self.journal.changed.notified();
                if is_so() {
                    return Ok(());
                }
                if !matches!(link.state(), State::Up(_)) {
                    return Err(Away);
                }
                changed.await;
            }
        };
        timeout(self.settings.deadline, waiting).await.unwrap_or(Err(Away))
    }
}
