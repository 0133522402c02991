//! Whether marks that others wait for can be set, renewed and taken away with the rights that there are.
//!
//! Where one of them is missing a mark stays until it ends by itself, and whoever waits for a load that has failed
//! would wait for that. So who finds another's mark tries it out, once for each connection, with a mark of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use redis::RedisResult;

use super::RedisStore;
use super::lane::Lane;
use super::ready::Ready;
use super::script::Script;
use super::shared::Shared;
use super::tally::Refusal;
use crate::entry::StateId;
use crate::random;

/// For how long the mark would be there.
const LIFE_MS: &[u8] = b"2000";

const UNKNOWN: u8 = 0;
const YES: u8 = 1;
const NO: u8 = 2;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Leases(AtomicU8);

impl Leases {
    /// Another connection may have other rights.
    pub(super) fn forget(&self) {
        self.0.store(UNKNOWN, Ordering::Release);
    }
}

impl RedisStore {
    /// Whether one load in a cluster can be had here. Without Redis nobody is waited for anyway.
    pub(crate) async fn may_lease(&self) -> bool {
        match self.0.leases.0.load(Ordering::Acquire) {
            UNKNOWN => self.0.try_lease().await,
            known => known == YES,
        }
    }
}

impl Shared {
    async fn try_lease(self: &Arc<Self>) -> bool {
        let Ok(turn) = self.turn_to_remove().await else { return true };
        let keys = [self.lease_key(&format!("#tried:{:x}", random::word()))];
        let reason = match self.quietly(lease(&turn.ready, &keys, &self.feed_channel())).await {
            // It was found, and taken away.
            Ok(1) => {
                self.leases.0.store(YES, Ordering::Release);
                return true;
            }
            Ok(_) => "a mark that was set is not found (GETRANGE)".to_owned(),
            Err(Refusal::Forbidden(reason)) => reason,
            Err(Refusal::Away) => return true,
        };
        if self.leases.0.swap(NO, Ordering::AcqRel) != NO {
            tracing::warn!(
                redis = self.settings.address,
                reason,
                "`coalesce = \"cluster\"` shares loads within this process alone: a right is missing, see \
                 `cache_runtime::redis_servers` or `cachectl doctor`"
            );
        }
        false
    }
}

/// Sets a mark, renews it and takes it away. Returns 1 if it was found.
async fn lease(ready: &Ready, keys: &[String], feed: &str) -> RedisResult<u8> {
    let mark = StateId::lease(random::word());
    let mark = mark.as_bytes();
    let begin: [&[u8]; 4] = [mark, LIFE_MS, b"", b"1"];
    let _: Vec<Vec<u8>> = ready.script(Lane::Quick, Script::Begin, keys, &begin).await?;
    let _: u8 = ready.script(Lane::Quick, Script::Renew, keys, &[mark, LIFE_MS]).await?;
    let end: [&[u8]; 5] = [mark, b"", b"1", feed.as_bytes(), b""];
    ready.script(Lane::Quick, Script::Fill, keys, &end).await
}
