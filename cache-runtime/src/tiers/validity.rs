//! The only validity rule. An entry is fresh only if its TTL is not over, and every token that is recorded in
//! it equals the present token of that tag. The token of the root is one of them.

use std::time::Duration;

use smallvec::SmallVec;

use super::key::CallKey;
use crate::config::Ttl;
use crate::format::entry::{Header, Tag, TagName};
use crate::memory::Hit;
use crate::redis::{Found, SoftAge, may_be_soft};

/// The maximum time by which a writer's estimate of the server's time may be ahead of a reader's.
const CLOCK_TOLERANCE_MS: u64 = 1_000;

/// The maximum number of tags that are searched one after the other. The entries of a batch may have
/// thousands.
const FEW: usize = 8;

/// The present tokens.
#[derive(Debug, Default)]
pub(crate) struct Present<'a> {
    root: Option<u64>,
    /// The tags in the given order if they are at most [`FEW`], else sorted.
    tags: SmallVec<[(&'a str, Option<u64>); 4]>,
}

impl<'a> Present<'a> {
    /// Returns the tokens that were read for `tags`, the root's first.
    pub(crate) fn new(tags: &'a [impl AsRef<str>], tokens: &[Option<u64>]) -> Self {
        let (root, rest) =
            tokens.split_first().map_or((None, tokens), |(root, rest)| (*root, rest));
        let mut tags: SmallVec<[_; 4]> =
            tags.iter().map(AsRef::as_ref).zip(rest.iter().copied()).collect();
        if tags.len() > FEW {
            tags.sort_unstable_by_key(|(tag, _)| *tag);
        }
        Present { root, tags }
    }

    /// Returns the token of a tag, if it was read. The inner `None` means that there is no token. The tag is
    /// likely to be at the place `likely`.
    fn token(&self, tag: &str, likely: usize) -> Option<Option<u64>> {
        let found = if self.tags.len() > FEW {
            let place = self.tags.binary_search_by_key(&tag, |(tag, _)| *tag).ok();
            place.and_then(|place| self.tags.get(place))
        } else {
            find_near(&self.tags, likely, |(known, _)| *known == tag)
        };
        found.map(|(_, token)| *token)
    }
}

/// The result of judging an entry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is fresh, or past its TTL by less than the grace.
    Usable,
    /// Its TTL and grace are over; otherwise it is valid.
    Expired,
    /// It has been invalidated, or cannot be an entry of this key.
    Invalid,
    /// It has been invalidated, and each of its tags that has another token may have been invalidated softly. It may be past
    /// its TTL.
    Softened,
    /// Its validity depends on tags whose tokens were not read.
    Depends,
    /// It is valid, and belongs to another function, or to another version, which had other tags.
    Foreign,
}

/// Judges an entry that was found under `key` at the server's time `now_ms`. The entry may be past its TTL by
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
        return Verdict::Invalid;
    }
    let name = key.name().as_str();
    let (mut unread, mut softened) = (false, false);
    for (place, Tag { name: tag, token }) in header.tags.iter().enumerate() {
        let Some(tag) = tag.resolve(name) else {
            return Verdict::Invalid;
        };
        match present.token(tag, place) {
            Some(now) if now == Some(*token) => {}
            Some(Some(now)) if grace_ms > 0 && may_be_soft(now) => softened = true,
            Some(_) => return Verdict::Invalid,
            None => unread = true,
        }
    }
    // If the entry lacks a tag of the call, an invalidation by that tag does not reach it.
    let is_recorded = |(place, tag): (usize, &String)| {
        find_near(&header.tags, place, |known| known.name.resolve(name) == Some(tag)).is_some()
    };
    let is_covered = key.tags().iter().enumerate().all(is_recorded);
    let is_functions = key.origin != 0 && header.origin != 0;
    let is_own = is_covered && (!is_functions || header.origin == key.origin);
    if (!is_covered && !is_functions) || (softened && !is_own) {
        Verdict::Invalid
    } else if softened {
        Verdict::Softened
    } else if !in_time(header, now_ms, grace_ms) {
        Verdict::Expired
    } else if is_functions && !is_own {
        Verdict::Foreign
    } else if unread {
        Verdict::Depends
    } else {
        Verdict::Usable
    }
}

/// Returns the item that satisfies `is`. It is likely to be at the place `likely`, because the tags of a call
/// and those of its entry have the same order.
pub(super) fn find_near<T>(items: &[T], likely: usize, is: impl Fn(&T) -> bool) -> Option<&T> {
    items.get(likely).filter(|item| is(item)).or_else(|| items.iter().find(|item| is(item)))
}

/// Returns the value of an entry with its metadata.
pub(crate) fn hit<V>(value: V, header: &Header<'_>, now_ms: u64) -> Hit<V> {
    let Header { load_micros, fresh_for_ms, .. } = *header;
    // Another client may have written any number, and sums of such numbers must not overflow.
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

/// Returns the tags of an entry whose tokens are others than those that it records, and that it records.
pub(super) fn changed(
    key: &CallKey,
    header: &Header<'_>,
    present: &Present<'_>,
) -> Vec<(String, u64)> {
    let name = key.name().as_str();
    let each = header.tags.iter().enumerate();
    each.filter_map(|(place, Tag { name: tag, token })| {
        let tag = tag.resolve(name)?;
        (present.token(tag, place) != Some(Some(*token))).then(|| (tag.to_owned(), *token))
    })
    .collect()
}

/// Returns the header of an entry that counts as expired since it was invalidated softly. Returns `None` if it may not be served
/// with this grace.
pub(super) fn softened<'h>(
    header: &Header<'h>,
    SoftAge { stale_for_ms }: SoftAge,
    now_ms: u64,
    grace_ms: u64,
) -> Option<Header<'h>> {
    let at_ms = now_ms.saturating_sub(stale_for_ms);
    let fresh_for_ms = header.fresh_for_ms.min(age_ms(header, at_ms));
    let header = Header { fresh_for_ms, ..header.clone() };
    in_time(&header, now_ms, grace_ms).then_some(header)
}

fn in_time(header: &Header<'_>, now_ms: u64, grace_ms: u64) -> bool {
    let from_the_future = header.created_ms > now_ms.saturating_add(CLOCK_TOLERANCE_MS);
    !from_the_future && age_ms(header, now_ms) < header.fresh_for_ms.saturating_add(grace_ms)
}

/// Returns the tags of an entry with the tokens that its load noted.
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
