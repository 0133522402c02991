//! The one validity rule: an entry is fresh only if its time has not run out and every token
//! recorded in it equals the present token of that tag, the root's included.

use std::time::Duration;

use smallvec::SmallVec;

use super::key::CallKey;
use crate::config::Ttl;
use crate::format::entry::{Header, Tag, TagName};
use crate::memory::Hit;
use crate::redis::Found;

/// By so much a writer's idea of the server's time may be ahead of a reader's.
const CLOCK_TOLERANCE_MS: u64 = 1_000;

/// Tokens as they are now.
#[derive(Debug, Default)]
pub(crate) struct Present<'a> {
    root: Option<u64>,
    /// In the order of the tags.
    tags: SmallVec<[(&'a str, Option<u64>); 4]>,
}

impl<'a> Present<'a> {
    /// The tokens that were read for `tags`, the root's first.
    pub(crate) fn new(tags: &'a [impl AsRef<str>], tokens: &[Option<u64>]) -> Self {
        let (root, rest) =
            tokens.split_first().map_or((None, tokens), |(root, rest)| (*root, rest));
        let mut tags: SmallVec<[_; 4]> =
            tags.iter().map(AsRef::as_ref).zip(rest.iter().copied()).collect();
        tags.sort_unstable_by_key(|(tag, _)| *tag);
        Present { root, tags }
    }

    /// The token of a tag, if that was read: `None` in it if there is none.
    fn token(&self, tag: &str) -> Option<Option<u64>> {
        let place = self.tags.binary_search_by_key(&tag, |(tag, _)| *tag).ok()?;
        self.tags.get(place).map(|(_, token)| *token)
    }
}

/// Tells whether an entry may be served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is fresh, or its TTL is over for no longer than the grace it was given.
    Usable,
    /// Its time is over, and nothing else is known against it.
    Expired,
    /// It has been invalidated, or is not what it should be.
    Useless,
    /// It depends on tags whose tokens were not read.
    Depends,
    /// Nothing is known against it, and it is another function's, or another version's that had other tags.
    Foreign,
}

/// Judges an entry found under `key` at the server's time `now_ms`, which may be past its TTL by
/// `grace_ms`.
pub(crate) fn judge(
    key: &CallKey,
    header: &Header<'_>,
    present: &Present<'_>,
    now_ms: u64,
    grace_ms: u64,
) -> Verdict {
    // R1: every token recorded in the entry equals the current one, the root's first.
    if present.root != Some(header.root) {
        return Verdict::Useless;
    }
    let name = key.name().as_str();
    let mut unread = false;
    for Tag { name: tag, token } in &header.tags {
        let Some(tag) = tag.resolve(name) else {
            return Verdict::Useless;
        };
        match present.token(tag) {
            Some(now) if now == Some(*token) => {}
            Some(_) => return Verdict::Useless,
            None => unread = true,
        }
    }
    // The entry lacks a tag of the call, so an invalidation by that tag would not reach it.
    let recorded = |tag: &String| header.tags.iter().any(|t| t.name.resolve(name) == Some(tag));
    let is_covered = key.tags().iter().all(recorded);
    let is_functions = key.origin != 0 && header.origin != 0;
    if !is_covered && !is_functions {
        Verdict::Useless
    } else if !in_time(header, now_ms, grace_ms) {
        Verdict::Expired
    } else if is_functions && (header.origin != key.origin || !is_covered) {
        Verdict::Foreign
    } else if unread {
        Verdict::Depends
    } else {
        Verdict::Usable
    }
}

/// Returns the value of an entry with its metadata.
pub(crate) fn hit<V>(value: V, header: &Header<'_>, now_ms: u64) -> Hit<V> {
    let Header { load_micros, fresh_for_ms, .. } = *header;
    // Another client may have written any number, and sums of it must not overflow.
    let load_micros = load_micros.min(u32::MAX.into());
    Hit { value, load_micros, age_ms: age_ms(header, now_ms), fresh_for_ms }
}

/// Returns the time for which a fresh entry is still fresh.
pub(crate) fn left(header: &Header<'_>, now_ms: u64) -> Ttl {
    match header.fresh_for_ms {
        u64::MAX => Ttl::Forever,
        fresh_for => {
            Ttl::For(Duration::from_millis(fresh_for.saturating_sub(age_ms(header, now_ms))))
        }
    }
}

pub(crate) fn age_ms(header: &Header<'_>, now_ms: u64) -> u64 {
    now_ms.saturating_sub(header.created_ms)
}

fn in_time(header: &Header<'_>, now_ms: u64, grace_ms: u64) -> bool {
    let from_the_future = header.created_ms > now_ms.saturating_add(CLOCK_TOLERANCE_MS);
    !from_the_future && age_ms(header, now_ms) < header.fresh_for_ms.saturating_add(grace_ms)
}

/// The tags of an entry with the tokens that its load noted.
pub(crate) fn record<'a>(key: &'a CallKey, tokens: &'a [u64]) -> impl Iterator<Item = Tag<'a>> {
    let name = key.name().as_str();
    key.tags()
        .iter()
        .zip(tokens)
        .map(move |(tag, token)| Tag { name: TagName::new(tag, name), token: *token })
}

impl Found {
    /// Returns the tokens by their tags.
    pub(crate) fn present<'a>(&self, tags: &'a [impl AsRef<str>]) -> Present<'a> {
        Present::new(tags, &self.tokens)
    }
}
