//! Direct reads in the scope of a transaction.

use std::collections::HashSet;
use std::sync::Arc;

use super::CacheManager;
use crate::coherence::generation::Slot;
use crate::deferral::{self, Holding, ReadOf, Scope};
use crate::support::boxed::boxed;
use crate::tiers::core::Core;
use crate::tiers::invalidate::Targets;
use crate::tiers::key::CallKey;

impl CacheManager {
    /// Returns true if the value under a name may change with an invalidation that is queued in the scope of a transaction.
    /// Then it is not read.
    pub(super) async fn is_held_back(&self, key: &CallKey) -> bool {
        let Some(scope) = deferral::current().filter(Scope::is_in_use) else { return false };
        let core = self.core();
        if scope.covers(ReadOf { core, key, derives: false }) {
            return true;
        }
        // The tags of an entry are not known to a caller that names it.
        let tags = scope.tags_of(core);
        if tags.is_empty() {
            return false;
        }
        let in_memory = core.meta_in_memory(key);
        let has_in_memory = in_memory
            .is_some_and(|meta| tags.iter().any(|tag| meta.stamps.cover(&[Slot::tag(tag)])));
        if has_in_memory || core.redis.is_none() {
            return has_in_memory;
        }
        let inspected = core.inspect(key).await;
        inspected.is_some_and(|found| found.tags.iter().any(|tag| tags.contains(&tag.name)))
    }

    /// Returns the names among these whose values are not read for this reason.
    pub(super) async fn held_back(&self, keys: &[CallKey]) -> HashSet<String> {
        let mut names = HashSet::new();
        for key in keys.iter().filter(|_| deferral::is_in_scope()) {
            if boxed(|| self.is_held_back(key)).await {
                names.insert(key.name().as_str().to_owned());
            }
        }
        names
    }
}

/// Queues the removal of names that are set in the scope of a transaction which sees rows that nobody else sees, or a
/// snapshot. Returns true if it does: the values are not stored.
pub(super) fn sets_later<'k>(
    core: &Arc<Core>,
    keys: impl IntoIterator<Item = &'k CallKey>,
) -> bool {
    if !deferral::current().is_some_and(|scope| scope.reads_only()) {
        return false;
    }
    let names = keys.into_iter().map(|key| key.name().as_str().to_owned()).collect();
    deferral::queue(|| Holding::of_targets(core, Targets { names, ..Targets::default() }))
}
