//! Puts whose entry is named by the value of their body.
//!
//! Such a put notes before its body what does not depend on the name. After the body, it begins as a direct put does, if nothing
//! that the entry depends on has changed since: neither its tags nor its name. Otherwise the value may be older than
//! what is there, and the entry is removed.

use std::sync::Arc;

use super::put::{Put, PutOf, complete};
use crate::coherence::generation::Moment;
use crate::redis::{BeforeBody, Over, Unavailable};
use crate::tiers::core::Core;

/// The state before a body whose value names an entry.
#[derive(Debug)]
pub(crate) struct LatePut {
    core: Arc<Core>,
    moment: Moment,
    /// The state in Redis; `None` if there is no Redis.
    redis: Option<Result<BeforeBody, Unavailable>>,
}

impl Core {
    /// Notes the state before a body whose value names an entry of this cache.
    pub(crate) async fn late_put(self: &Arc<Self>) -> LatePut {
        let redis = self.redis.as_ref().filter(|_| !self.is_off());
        if let Some(redis) = redis {
            redis.start_feed().await;
        }
        // R2: the state of this process is noted first, as for any put.
        let moment = self.generations.moment();
        let redis = match redis {
            Some(redis) => Some(redis.note_before_body().await),
            None => None,
        };
        LatePut { core: Arc::clone(self), moment, redis }
    }
}

impl LatePut {
    /// Begins the put of a value to its entry. Returns `None` if the value may be older than what was removed or put there
    /// meanwhile. The entry must be removed then.
    pub(crate) async fn begin(&self, core: &Arc<Core>, of: &PutOf<'_>) -> Option<Put> {
        // Nothing was noted in another cache.
        if !Arc::ptr_eq(core, &self.core) {
            return None;
        }
        let (slots, name) = (of.key.slots(), of.key.name().as_str());
        let snapshot = core.generations.note_since(&self.moment, slots, name)?;
        let put = core.put_from(of.key, of.stores, snapshot);
        let Some(redis) = core.redis_for(of.stores) else { return Some(put) };
        let begun = match self.redis.as_ref()? {
            Ok(noted) => redis.begin_after_body(&core.begin_of(of, Over::Anything), noted).await,
            Err(reason) => Err(reason.clone()),
        };
        let ticket = begun.transpose()?;
        // The notices that were received meanwhile count, too.
        let is_unchanged = core.generations.is_unchanged(&self.moment, slots, name);
        let ticket = ticket.and_then(|ticket| complete(ticket, of.key));
        is_unchanged.then(|| put.with_redis(ticket))
    }
}
