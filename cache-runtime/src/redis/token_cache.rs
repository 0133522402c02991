//! The token cache: tokens that this process has recently read from Redis.
//!
//! With it, a read need not fetch them again. A cached token is valid while the lease of the feed holds,
//! until its tag is invalidated: an invalidation raises the generation of the tag. Cached tokens only
//! validate reads; a load notes its tokens from Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::FixedState;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use crate::coherence::generation::{Generations, Slot, Stamps};
use crate::support::random;

/// The maximum number of cached tokens.
const CAPACITY: usize = 16_384;
/// The key of the root's token: no tag begins with `#`.
pub(super) const ROOT: &str = "#root";

pub(super) struct TokenCache {
    tokens: Cache<String, CachedToken, UnitWeighter, FixedState>,
    generations: Arc<Generations>,
    /// The number of times that all tokens were forgotten.
    forgotten: AtomicU64,
    /// The life of a cached token, in milliseconds.
    longest_ms: u64,
}

#[derive(Clone)]
struct CachedToken {
    token: u64,
    stamps: Stamps,
    forgotten: u64,
    noted_ms: u64,
}

/// The state before tokens were requested.
pub(super) struct Before {
    stamps: Vec<Stamps>,
    forgotten: u64,
    noted_ms: u64,
}

impl TokenCache {
    pub(super) fn new(generations: Arc<Generations>, longest_ms: u64) -> Self {
        TokenCache {
            tokens: Cache::with(
                CAPACITY,
                CAPACITY as u64,
                UnitWeighter,
                FixedState::with_seed(random::word()),
                DefaultLifecycle::default(),
            ),
            generations,
            forgotten: AtomicU64::new(0),
            longest_ms,
        }
    }

    /// Forgets all tokens, including those that are being requested.
    pub(super) fn forget(&self) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
    }

    /// Returns the state before the tokens of these tags are requested, the root's first.
    pub(super) fn before(&self, tags: &[impl AsRef<str>], now_ms: u64) -> Before {
        let forgotten = self.forgotten.load(Ordering::Acquire);
        let note = |slots: &[Slot]| self.generations.note(slots).stamps;
        let tags = tags.iter().map(|tag| note(&[Slot::tag(tag.as_ref())]));
        let stamps = std::iter::once(note(&[])).chain(tags).collect();
        Before { stamps, forgotten, noted_ms: now_ms }
    }

    /// Stores the tokens that were requested, the root's first.
    pub(super) fn remember(
        &self,
        before: Before,
        tags: &[impl AsRef<str>],
        tokens: impl IntoIterator<Item = Option<u64>>,
    ) {
        let Before { stamps, forgotten, noted_ms } = before;
        let tags = std::iter::once(ROOT).chain(tags.iter().map(AsRef::as_ref));
        for ((tag, stamps), token) in tags.zip(stamps).zip(tokens) {
            match token {
                Some(token) => {
                    let cached_tokens = CachedToken { token, stamps, forgotten, noted_ms };
                    self.tokens.insert(tag.to_owned(), cached_tokens);
                }
                None => _ = self.tokens.remove(tag),
            }
        }
    }

    /// Returns the token of a tag, if it is cached.
    pub(super) fn token(&self, tag: &str, now_ms: u64) -> Option<u64> {
        let CachedToken { token, stamps, forgotten, noted_ms } = self.tokens.get(tag)?;
        let young = now_ms.saturating_sub(noted_ms) < self.longest_ms;
        let known = forgotten == self.forgotten.load(Ordering::Acquire);
        (young && known && self.generations.current(&stamps)).then_some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_cache() -> (TokenCache, Arc<Generations>) {
        let generations = Arc::new(Generations::new(0));
        (TokenCache::new(Arc::clone(&generations), 1_000), generations)
    }

    #[test]
    fn a_token_is_known_until_its_tag_is_invalidated() {
        let (token_cache, generations) = token_cache();
        token_cache.remember(
            token_cache.before(&["a", "b"], 0),
            &["a", "b"],
            [Some(1), Some(2), Some(3)],
        );
        assert_eq!(
            [ROOT, "a", "b"].map(|tag| token_cache.token(tag, 0)),
            [Some(1), Some(2), Some(3)]
        );
        generations.bump(Slot::tag("a"));
        assert_eq!([ROOT, "a", "b"].map(|tag| token_cache.token(tag, 0)), [Some(1), None, Some(3)]);
        generations.bump_epoch();
        assert_eq!([ROOT, "a", "b"].map(|tag| token_cache.token(tag, 0)), [None; 3]);
    }

    #[test]
    fn a_token_that_was_asked_for_before_an_invalidation_is_not_known_after_it() {
        let (token_cache, generations) = token_cache();
        let before = token_cache.before(&["a"], 0);
        generations.bump(Slot::tag("a"));
        token_cache.remember(before, &["a"], [Some(1), Some(2)]);
        assert_eq!(token_cache.token("a", 0), None);
    }

    #[test]
    fn what_is_forgotten_is_not_known_though_it_was_being_asked_for() {
        let (token_cache, _) = token_cache();
        let before = token_cache.before(&["a"], 0);
        token_cache.remember(token_cache.before(&["b"], 0), &["b"], [Some(1), Some(2)]);
        token_cache.forget();
        token_cache.remember(before, &["a"], [Some(1), Some(2)]);
        assert_eq!([ROOT, "a", "b"].map(|tag| token_cache.token(tag, 0)), [None; 3]);
    }

    #[test]
    fn a_token_that_is_gone_is_forgotten() {
        let (token_cache, _) = token_cache();
        token_cache.remember(token_cache.before(&["a"], 0), &["a"], [Some(1), Some(2)]);
        token_cache.remember(token_cache.before(&["a"], 0), &["a"], [Some(1), None]);
        assert_eq!(token_cache.token("a", 0), None);
    }

    #[test]
    fn a_token_is_not_remembered_for_ever() {
        let (token_cache, _) = token_cache();
        token_cache.remember(token_cache.before(&["a"], 0), &["a"], [Some(1), Some(2)]);
        assert_eq!(token_cache.token("a", 999), Some(2));
        assert_eq!(token_cache.token("a", 1_000), None);
    }
}
