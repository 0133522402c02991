//! One look at the outbox.

use cache_runtime::CacheManager;
use sqlx::{Error, Pool};

use super::apply::Applicable;
use super::claim::Claim;
use crate::database::CacheDatabase;

/// The outcome of a look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    /// The number of rows that were applied and deleted.
    pub(super) applied: u64,
    /// If false, Redis has not confirmed the invalidations, and the rows stay.
    pub(super) confirmed: bool,
    /// If true, there may be further rows.
    pub(super) has_more: bool,
}

impl Pass {
    /// Applies at most `batch` rows. They are deleted after Redis has confirmed.
    pub(super) async fn run<DB: CacheDatabase>(
        pool: &Pool<DB>,
        manager: &CacheManager,
        batch: u32,
    ) -> Result<Pass, Error> {
        let mut claim = Claim::begin(pool).await?;
        let namespace = &manager.config().namespace;
        let rows = DB::claim(claim.connection(), namespace, i64::from(batch)).await?;
        if rows.is_empty() {
            claim.commit().await?;
            return Ok(Pass { applied: 0, confirmed: true, has_more: false });
        }
        let Applicable { pending, ids, poisoned } = Applicable::of(&rows, manager).await;
        let confirmed = pending.apply().await;
        for (id, reason) in poisoned {
            tracing::warn!(
                id,
                reason,
                "a row of the outbox cannot be applied: it stays, marked as failed"
            );
            DB::note_failure(claim.connection(), id, &reason).await?;
        }
        let mut applied = 0;
        if confirmed {
            DB::delete(claim.connection(), &ids).await?;
            applied = ids.len() as u64;
        }
        claim.commit().await?;
        Ok(Pass {
            applied,
            confirmed,
            has_more: confirmed && rows.len() as u64 == u64::from(batch),
        })
    }
}
