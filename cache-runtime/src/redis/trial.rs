//! The trial of leases, which tests that placeholders can be set, renewed and removed.

use std::sync::Arc;

use super::RedisStore;
use super::error::StoreResult;
use super::lane::Lane;
use super::ready::Ready;
use super::script::Script;
use super::shared::Shared;
use crate::error::with_causes;
use crate::format::entry::StateId;
use crate::support::random;

/// The life of the placeholder.
const LIFE_MS: &[u8] = b"2000";

impl RedisStore {
    /// Returns true if a fleet can share one load here. Without Redis, no process waits for another one, so
    /// the result is true as well.
    pub(crate) async fn may_lease(&self) -> bool {
        match self.0.leases.known() {
            None => try_lease(&self.0).await,
            Some(known) => known,
        }
    }
}

async fn try_lease(shared: &Arc<Shared>) -> bool {
    let Ok(permit) = shared.permit_to_remove().await else { return true };
    let keys = [shared.keys.lease(&format!("#tried:{:x}", random::word()))];
    let reason = match shared.quietly(lease(&permit.ready, &keys, &shared.keys.feed())).await {
        // The lease was found and removed.
        Ok(1) => {
            shared.leases.note(true);
            return true;
        }
        Ok(_) => "a placeholder that was set is not found (GETRANGE)".to_owned(),
        Err(unavailable) => match unavailable.refusal() {
            Some(error) => with_causes(error),
            None => return true,
        },
    };
    if shared.leases.note(false) {
        shared.no_leases.happens(shared.clock.now_ms(), |times| {
            tracing::warn!(
                redis = shared.settings.address,
                reason,
                times,
                "with `coalesce = \"fleet\"`, loads are shared only within this process, because a right is missing: see \
                 `cache_runtime::redis_servers` or `cachectl doctor`"
            );
        });
    }
    false
}

/// Sets a placeholder, renews it and removes it. Returns 1 if it was found.
async fn lease(ready: &Ready, keys: &[String], feed: &str) -> StoreResult<u8> {
    let placeholder = StateId::lease(random::word());
    let placeholder = placeholder.as_bytes();
    let begin: [&[u8]; 4] = [placeholder, LIFE_MS, b"", b"1"];
    let _: Vec<Vec<u8>> = ready.script(Lane::Quick, Script::Begin, keys, &begin).await?;
    let _: u8 = ready.script(Lane::Quick, Script::Renew, keys, &[placeholder, LIFE_MS]).await?;
    let end: [&[u8]; 5] = [placeholder, b"", b"1", feed.as_bytes(), b""];
    ready.script(Lane::Quick, Script::Fill, keys, &end).await
}
