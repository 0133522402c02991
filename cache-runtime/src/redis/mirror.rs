//! The mirror: tokens that this process has lately seen in Redis.
//!
//! It spares a read the question for them. A mirrored token counts as long as nothing that is known
//! here has invalidated its tag since before it was fetched, and only while the feed's lease holds:
//! an invalidation raises the tag's generation, and with it the mirrored token is forgotten. It
//! serves to validate reads alone; a load notes its tokens from Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::FixedState;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use crate::generation::{Generations, Slot, Stamps};
use crate::name::is_name_tag;
use crate::random;

/// So many tags are remembered.
const CAPACITY: usize = 16_384;
/// What the root's token is remembered under: no tag begins with `#`.
pub(super) const ROOT: &str = "#root";

pub(super) struct Mirror {
    tokens: Cache<String, Mirrored, UnitWeighter, FixedState>,
    generations: Arc<Generations>,
    /// How often everything has been forgotten.
    forgotten: AtomicU64,
    /// How long a token is remembered, in milliseconds.
    longest_ms: u64,
}

#[derive(Clone)]
struct Mirrored {
    token: u64,
    stamps: Stamps,
    forgotten: u64,
    noted_ms: u64,
}

/// What was true before tokens were asked for.
pub(super) struct Before {
    stamps: Vec<Stamps>,
    forgotten: u64,
    noted_ms: u64,
}

impl Mirror {
    pub(super) fn new(generations: Arc<Generations>, longest_ms: u64) -> Self {
        Mirror {
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

    /// Nothing that is known, or being asked for, counts any more.
    pub(super) fn forget(&self) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
    }

    /// To be called before the tokens of these tags are asked for, the root's first.
    pub(super) fn before(&self, tags: &[impl AsRef<str>], now_ms: u64) -> Before {
        let forgotten = self.forgotten.load(Ordering::Acquire);
        let note = |slots: &[Slot]| self.generations.note(slots).stamps;
        let tags = tags.iter().map(|tag| note(&[Slot::tag(tag.as_ref())]));
        let stamps = std::iter::once(note(&[])).chain(tags).collect();
        Before { stamps, forgotten, noted_ms: now_ms }
    }

    /// Remembers the tokens that were asked for, the root's first.
    pub(super) fn remember(
        &self,
        before: Before,
        tags: &[impl AsRef<str>],
        tokens: impl IntoIterator<Item = Option<u64>>,
    ) {
        let Before { stamps, forgotten, noted_ms } = before;
        let tags = std::iter::once(ROOT).chain(tags.iter().map(AsRef::as_ref));
        for ((tag, stamps), token) in tags.zip(stamps).zip(tokens) {
            // What removes a name raises the generation of no tag.
            if is_name_tag(tag) {
                continue;
            }
            match token {
                Some(token) => {
                    let mirrored = Mirrored { token, stamps, forgotten, noted_ms };
                    self.tokens.insert(tag.to_owned(), mirrored);
                }
                None => _ = self.tokens.remove(tag),
            }
        }
    }

    /// The token of a tag, if it is known.
    pub(super) fn token(&self, tag: &str, now_ms: u64) -> Option<u64> {
        let Mirrored { token, stamps, forgotten, noted_ms } = self.tokens.get(tag)?;
        let young = now_ms.saturating_sub(noted_ms) < self.longest_ms;
        let known = forgotten == self.forgotten.load(Ordering::Acquire);
        (young && known && self.generations.current(&stamps)).then_some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror() -> (Mirror, Arc<Generations>) {
        let generations = Arc::new(Generations::new(0));
        (Mirror::new(Arc::clone(&generations), 1_000), generations)
    }

    #[test]
    fn a_token_is_known_until_its_tag_is_invalidated() {
        let (mirror, generations) = mirror();
        mirror.remember(mirror.before(&["a", "b"], 0), &["a", "b"], [Some(1), Some(2), Some(3)]);
        assert_eq!([ROOT, "a", "b"].map(|tag| mirror.token(tag, 0)), [Some(1), Some(2), Some(3)]);
        generations.bump(Slot::tag("a"));
        assert_eq!([ROOT, "a", "b"].map(|tag| mirror.token(tag, 0)), [Some(1), None, Some(3)]);
        generations.bump_epoch();
        assert_eq!([ROOT, "a", "b"].map(|tag| mirror.token(tag, 0)), [None; 3]);
    }

    #[test]
    fn a_token_that_was_asked_for_before_an_invalidation_is_not_known_after_it() {
        let (mirror, generations) = mirror();
        let before = mirror.before(&["a"], 0);
        generations.bump(Slot::tag("a"));
        mirror.remember(before, &["a"], [Some(1), Some(2)]);
        assert_eq!(mirror.token("a", 0), None);
    }

    #[test]
    fn what_is_forgotten_is_not_known_though_it_was_being_asked_for() {
        let (mirror, _) = mirror();
        let before = mirror.before(&["a"], 0);
        mirror.remember(mirror.before(&["b"], 0), &["b"], [Some(1), Some(2)]);
        mirror.forget();
        mirror.remember(before, &["a"], [Some(1), Some(2)]);
        assert_eq!([ROOT, "a", "b"].map(|tag| mirror.token(tag, 0)), [None; 3]);
    }

    #[test]
    fn a_token_that_is_gone_is_forgotten() {
        let (mirror, _) = mirror();
        mirror.remember(mirror.before(&["a"], 0), &["a"], [Some(1), Some(2)]);
        mirror.remember(mirror.before(&["a"], 0), &["a"], [Some(1), None]);
        assert_eq!(mirror.token("a", 0), None);
    }

    #[test]
    fn a_token_is_not_remembered_for_ever() {
        let (mirror, _) = mirror();
        mirror.remember(mirror.before(&["a"], 0), &["a"], [Some(1), Some(2)]);
        assert_eq!(mirror.token("a", 999), Some(2));
        assert_eq!(mirror.token("a", 1_000), None);
    }
}
