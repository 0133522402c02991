//! Examines the content of a name in Redis: may it be served, and if not, why not.

use smallvec::SmallVec;

use super::key::CallKey;
use super::validity::{Present, Verdict, changed, find_near, judge};
use crate::coherence::generation::{GenerationSnapshot, Slot};
use crate::format::entry::{Header, StateId, Stored};
use crate::redis::{Found, RedisStore, Unavailable};
use crate::tiers::core::{Core, Stores};

/// Identifies the entry of Redis that a value comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) state: StateId,
    /// The place of the entry: 0 is under the name, others are beside it.
    pub(crate) place: u8,
}

/// The place for a value that was not found, and the present content of the place.
#[derive(Debug)]
pub(crate) struct Vacancy {
    /// The number of the place: 0 is under the name, others are beside it.
    pub(crate) place: u8,
    pub(crate) leftover: Leftover,
    /// True if the content did not decode as this program's type, or is damaged.
    pub(crate) undecodable: bool,
}

impl Vacancy {
    pub(crate) const NOTHING: Vacancy = Vacancy::under_the_name(Leftover::Nothing);

    pub(crate) const fn under_the_name(leftover: Leftover) -> Self {
        let undecodable = matches!(leftover, Leftover::Undecodable(_));
        Vacancy { place: 0, leftover, undecodable }
    }
}

/// The content of a name that cannot be served.
#[derive(Debug)]
pub(crate) enum Leftover {
    Nothing,
    /// A value whose TTL is over.
    Expired(Vec<u8>),
    /// A value that has been invalidated.
    Stale(Vec<u8>),
    /// Not an entry, or damaged.
    Undecodable(Vec<u8>),
    /// A value that was loaded for other arguments, which serialise alike.
    Alike(Vec<u8>),
}

impl Leftover {
    /// Returns the bytes that may be stored over.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Leftover::Nothing => None,
            Leftover::Expired(bytes)
            | Leftover::Stale(bytes)
            | Leftover::Undecodable(bytes)
            | Leftover::Alike(bytes) => Some(bytes),
        }
    }
}

/// The terms of a read of Redis, whatever the type of the value.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(super) stores: Stores,
    /// True if memory [may be relied on](Core::relies_on_memory).
    pub(super) relies: bool,
    pub(super) grace_ms: u64,
    /// True if the dependencies of the value are taken over.
    pub(super) inherits: bool,
}

impl Terms {
    /// Returns true if the generations are noted: for a copy, or for an outer value in memory.
    pub(super) fn notes(self) -> bool {
        self.relies || self.inherits
    }
}

/// The result of a read of Redis.
pub(crate) enum RedisRead<T> {
    Usable(T),
    Not(Vacancy),
}

/// The result of examining the content of a name, as far as it is known.
pub(super) enum Examined<T> {
    Usable(T),
    Not(fn(Vec<u8>) -> Leftover),
    /// A valid entry of another function or version, which must stay.
    Foreign {
        undecodable: bool,
    },
    /// An entry that may have been invalidated softly: these of its tags have other tokens than it records.
    Softened(Vec<(String, u64)>),
    /// An entry with tags whose tokens are unknown, or may have changed.
    Unverified(Option<GenerationSnapshot>),
}

/// The source of the present tokens of an entry's tags.
#[derive(Clone, Copy)]
pub(super) enum Tokens<'a, 't> {
    /// Tokens that were read together with the entry. They include those of the key's tags.
    Read(&'a Present<'t>),
    /// Tokens from the token cache, from before the read of the entry, which include those of the key's tags;
    /// and the source of other tokens.
    Cached(&'a Present<'t>, &'a RedisStore),
    /// Tokens that were read after the entry. They include those of all its tags.
    Asked(&'a Present<'t>),
}

/// An entry that may be served.
pub(crate) struct UsableEntry<'a, 'b> {
    pub(crate) header: &'a Header<'b>,
    pub(crate) payload: &'a [u8],
    pub(crate) now_ms: u64,
    pub(super) place: u8,
    /// The generations of the entry's dependencies, noted before it was read; `None` if they are not known.
    pub(super) snapshot: Option<GenerationSnapshot>,
}

impl Core {
    /// Examines the entry again, with the present tokens of all its tags in Redis.
    pub(super) async fn look_again<T>(
        &self,
        redis: &RedisStore,
        key: &CallKey,
        found: &Found,
        snapshot: Option<GenerationSnapshot>,
        grace_ms: u64,
        take: &impl Fn(&UsableEntry<'_, '_>) -> Option<T>,
    ) -> Result<Examined<T>, Unavailable> {
        let tags: Vec<String> = match self.stored(key, found) {
            Some(Stored::Value(header, _)) => {
                tags_of(&header, key).into_iter().map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        let tokens = redis.tokens(&tags).await?;
        let present = Present::new(&tags, &tokens);
        Ok(self.examine(key, found, Tokens::Asked(&present), snapshot, grace_ms, take))
    }

    /// Returns the content of a key, undecoded.
    pub(super) fn stored<'a>(&self, key: &CallKey, found: &'a Found) -> Option<Stored<'a>> {
        found.bytes.as_deref().map(|bytes| Stored::read(bytes, self.address(key)))
    }

    /// Examines the content of a name in Redis. `take` returns the result for an entry that may be served.
    pub(super) fn examine<T>(
        &self,
        key: &CallKey,
        found: &Found,
        tokens: Tokens<'_, '_>,
        snapshot: Option<GenerationSnapshot>,
        grace_ms: u64,
        take: &impl Fn(&UsableEntry<'_, '_>) -> Option<T>,
    ) -> Examined<T> {
        let now_ms = found.now_ms;
        let (header, payload) = match self.stored(key, found) {
            None | Some(Stored::Placeholder(_)) => return Examined::Not(|_| Leftover::Nothing),
            Some(Stored::Foreign(_)) => return Examined::Not(Leftover::Undecodable),
            Some(Stored::Value(header, payload)) => (header, payload),
        };
        let tags = tags_of(&header, key);
        let has_more = tags.len() > key.tags().len();
        let verdict = |present: &Present<'_>| judge(key, &header, present, now_ms, grace_ms);
        let covering = |snapshot| self.covering(snapshot, key, &tags);
        let (verdict, snapshot) = match tokens {
            Tokens::Read(present) => {
                let verdict = verdict(present);
                // The generations of further tags are noted only now. So they cover tokens that are read
                // later, and not one that was read for another key.
                let covers = !has_more || verdict == Verdict::Depends;
                (verdict, snapshot.filter(|_| covers).and_then(covering))
            }
            Tokens::Asked(present) => (verdict(present), snapshot),
            Tokens::Cached(present, redis) => {
                let snapshot = snapshot.and_then(covering);
                let judged = if has_more {
                    redis.cached_tokens(&tags).map(|now| verdict(&Present::new(&tags, &now)))
                } else {
                    Some(verdict(present))
                };
                match judged {
                    // The token cache may be out of date.
                    None | Some(Verdict::Invalid | Verdict::Softened) => {
                        (Verdict::Depends, snapshot)
                    }
                    Some(verdict) => (verdict, snapshot),
                }
            }
        };
        match verdict {
            Verdict::Usable if key.is_of_others(header.fingerprint) => {
                Examined::Not(Leftover::Alike)
            }
            Verdict::Usable => {
                let usable =
                    UsableEntry { header: &header, payload, now_ms, place: key.place(), snapshot };
                take(&usable).map_or(Examined::Foreign { undecodable: true }, Examined::Usable)
            }
            Verdict::Foreign => Examined::Foreign { undecodable: false },
            Verdict::Expired => Examined::Not(Leftover::Expired),
            Verdict::Invalid => Examined::Not(Leftover::Stale),
            Verdict::Softened => Examined::Softened(match tokens {
                Tokens::Read(present) | Tokens::Asked(present) | Tokens::Cached(present, _) => {
                    changed(key, &header, present)
                }
            }),
            Verdict::Depends => Examined::Unverified(snapshot),
        }
    }

    /// Extends a snapshot by the additional tags of the entry. Returns `None` if a dependency has been
    /// invalidated since.
    fn covering(
        &self,
        snapshot: GenerationSnapshot,
        key: &CallKey,
        tags: &[&str],
    ) -> Option<GenerationSnapshot> {
        if tags.len() == key.tags().len() {
            return Some(snapshot);
        }
        let own = tags.iter().filter(|tag| !key.tags().iter().any(|known| known == *tag));
        let slots: Vec<Slot> =
            key.slots().iter().copied().chain(own.map(|tag| Slot::tag(tag))).collect();
        let wider = self.generations.note(&slots);
        self.generations.storable(&snapshot).then_some(wider)
    }
}

/// Returns the tags of an entry, those of the key first. A tag whose name cannot be resolved is left out.
pub(crate) fn tags_of<'a>(header: &'a Header<'_>, key: &'a CallKey) -> SmallVec<[&'a str; 8]> {
    let name = key.name().as_str();
    let mut tags: SmallVec<[&str; 8]> = key.tags().iter().map(String::as_str).collect();
    for (place, tag) in header.tags.iter().enumerate() {
        let Some(tag) = tag.name.resolve(name) else { continue };
        if find_near(key.tags(), place, |known| known == tag).is_none() {
            tags.push(tag);
        }
    }
    tags
}
