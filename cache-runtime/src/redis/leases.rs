//! Whether marks that others wait for can be set, renewed and taken away with the rights that there are.
//!
//! Where one of them is missing a mark would stay until it ends by itself, and whoever waits for a load that has
//! failed would wait for that. So it is tried once for each connection, with a mark that is nobody's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use redis::RedisResult;

use super::RedisStore;
use super::node::Lane;
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
        let Ok(turn) = self.turn().await else { return true };
        let (key, mark) = (
            self.lease_key(&format!("#tried:{:x}", random::word())),
            StateId::lease(random::word()),
        );
        let (keys, mark) = (std::slice::from_ref(&key), mark.as_bytes());
        let feed = self.feed_channel();
        let tried = async {
            let begin: [&[u8]; 4] = [mark, LIFE_MS, b"", b"1"];
            let _: Vec<Vec<u8>> =
                turn.ready.script(Lane::Quick, Script::Begin, keys, &begin).await?;
            let _: u8 =
                turn.ready.script(Lane::Quick, Script::Renew, keys, &[mark, LIFE_MS]).await?;
            let end: [&[u8]; 5] = [mark, b"", b"1", feed.as_bytes(), b""];
            let released: RedisResult<u8> =
                turn.ready.script(Lane::Quick, Script::Fill, keys, &end).await;
            released
        };
        let reason = match self.quietly(tried).await {
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
