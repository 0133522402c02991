//! The dependencies that a body takes over from the cached functions that it calls, if its function has `inherit`.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::key::CallKey;
use crate::coherence::generation::{GenerationSnapshot, Generations, Slot, Stamps};
use crate::config::Ttl;
use crate::format::entry::Header;
use crate::key::name::{MOST_TAGS, name_tag};
use crate::redis::Life;
use crate::support::clock::millis;
use crate::support::lock::Mutex;
use crate::tiers::core::{Core, Stores};

/// The dependencies of one run of a body, as far as they are known.
///
/// A dependency is a tag with the token that the inner entry records. In memory, the generations that were noted for the
/// inner value take the place of tokens. In addition, the name of an inner entry is a tag: its token is noted before the
/// inner value is read.
#[derive(Debug)]
pub(crate) struct Inherited {
    state: Mutex<State>,
    /// The generations of the cache of the outer entry, which identify that cache.
    cache: Weak<Generations>,
    /// True if the outer entry may be fresh for longer than the inner ones.
    keeps_ttl: bool,
}

#[derive(Debug, Default)]
struct State {
    /// The names whose tokens have been noted.
    names: HashSet<String>,
    /// The tags with their tokens. The root's tag is empty.
    tokens: Vec<(String, u64)>,
    stamps: Vec<Stamps>,
    /// The time at which the first of the inner values ends; `None` for never.
    ends_ms: Option<u64>,
    /// The reason for which the outer value cannot be stored in Redis.
    untold: Option<Untraced>,
    /// The reason for which it cannot be stored in memory.
    unstamped: Option<Untraced>,
}

/// The name of an inner entry whose token is noted next.
pub(crate) struct NameNote {
    name: String,
    pub(crate) tag: String,
    stamps: Stamps,
}

/// The reason for which the dependencies of a value are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untraced {
    /// An inner function keeps its values in another cache.
    OtherCache,
    /// An inner function keeps its values in memory, and the outer one in Redis.
    MemoryOnly,
    /// Redis was unavailable for an inner call.
    Unavailable,
    /// The value of an inner call could not be stored, or was requested in a way that tells no dependencies.
    NotStored,
    /// There are more inner entries or tags than an entry can depend on.
    TooMany,
    /// The value was put, so no body has taken over dependencies.
    Put,
    /// An inner value, or a tag, was invalidated meanwhile.
    Overtaken,
}

impl Untraced {
    /// Returns the reason and the remedy, for the log.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Untraced::OtherCache => {
                "an inner function uses another cache; give both the same manager"
            }
            Untraced::MemoryOnly => {
                "an inner function keeps its values in memory alone, and this one in Redis; give both the same `tier`"
            }
            Untraced::Unavailable => "Redis was unavailable for an inner call",
            Untraced::NotStored => {
                "an inner value was not stored, or was requested by `peek`, `refresh` or `fetch` with `only_if_cached`"
            }
            Untraced::TooMany => {
                "there are more inner entries or tags than an entry can depend on (128); let the body read fewer, or give them a common tag"
            }
            Untraced::Put => {
                "a value was put into an entry of a function with `inherit`, whose body did not run; the entry was removed"
            }
            Untraced::Overtaken => "an inner value was invalidated meanwhile",
        }
    }
}

impl Inherited {
    /// Makes the empty dependencies of a body. If `keeps_ttl` is true, they do not limit the TTL of its value.
    pub(crate) fn new(core: &Core, keeps_ttl: bool) -> Self {
        let cache = Arc::downgrade(&core.generations);
        Inherited { state: Mutex::default(), cache, keeps_ttl }
    }

    /// Returns true if both outer entries are in the same cache.
    pub(crate) fn is_of_the_cache_of(&self, other: &Inherited) -> bool {
        self.cache.ptr_eq(&other.cache)
    }

    /// Notes the tokens of the names of inner entries. This must end before the inner values are read or loaded.
    pub(crate) async fn depend_on_names(&self, core: &Core, keys: &[Arc<CallKey>], stores: Stores) {
        let new: Vec<NameNote> =
            keys.iter().filter_map(|key| self.new_name(core, key.name().as_str())).collect();
        let tags: Vec<String> = new.iter().map(|name| name.tag.clone()).collect();
        let noted = match core.redis_for(stores) {
            _ if new.is_empty() => return,
            Some(redis) => redis
                .note_tags(&tags, Life::For(Duration::ZERO))
                .await
                .map_err(|_| Untraced::Unavailable),
            None => Err(Untraced::MemoryOnly),
        };
        for (place, name) in new.into_iter().enumerate() {
            let token = noted.as_ref().map_err(|reason| *reason);
            let token =
                token.and_then(|tokens| tokens.get(place).copied().ok_or(Untraced::Unavailable));
            self.add_name(name, token);
        }
    }

    /// Notes the generations of the name of an inner entry. Its token must be [noted](Inherited::add_name) before the inner
    /// value is read. Returns `None` if this has been done for the name, or is of no use.
    pub(crate) fn new_name(&self, core: &Core, name: &str) -> Option<NameNote> {
        if !std::ptr::eq(self.cache.as_ptr(), Arc::as_ptr(&core.generations)) {
            self.lose(Untraced::OtherCache);
            return None;
        }
        if self.state.lock().names.contains(name) {
            return None;
        }
        let tag = name_tag(name);
        let stamps = core.generations.note(&[Slot::tag(&tag)]).stamps;
        Some(NameNote { name: name.to_owned(), tag, stamps })
    }

    /// Adds the token of a name.
    pub(crate) fn add_name(&self, note: NameNote, token: Result<u64, Untraced>) {
        let NameNote { name, tag, stamps } = note;
        let mut state = self.state.lock();
        state.stamp(&stamps);
        match token {
            Ok(token) => state.add((tag, token)),
            Err(reason) => state.untold = state.untold.or(Some(reason)),
        }
        state.names.insert(name);
    }

    /// Adds the dependencies of an entry that was read from Redis.
    pub(crate) fn add_entry(
        &self,
        key: &CallKey,
        header: &Header<'_>,
        snapshot: Option<&GenerationSnapshot>,
        ends_ms: Option<u64>,
    ) {
        let tokens = header
            .tags
            .iter()
            .filter_map(|tag| Some((tag.name.resolve(key.name().as_str())?.to_owned(), tag.token)));
        let root = (String::new(), header.root);
        self.add(tokens.chain([root]), snapshot, ends_ms);
    }

    /// Adds the dependencies of a value that was loaded for Redis.
    pub(crate) fn add_loaded(
        &self,
        key: &CallKey,
        tokens: &[u64],
        snapshot: Option<&GenerationSnapshot>,
        ends_ms: Option<u64>,
    ) {
        let tags = std::iter::once(String::new()).chain(key.tags().iter().cloned());
        self.add(tags.zip(tokens.iter().copied()), snapshot, ends_ms);
    }

    /// Adds the dependencies of a value in memory.
    pub(crate) fn add_stamps(&self, stamps: &Stamps, ends_ms: Option<u64>) {
        let mut state = self.state.lock();
        state.stamp(stamps);
        state.untold = state.untold.or(Some(Untraced::MemoryOnly));
        state.end_at(ends_ms);
    }

    fn add(
        &self,
        tokens: impl Iterator<Item = (String, u64)>,
        snapshot: Option<&GenerationSnapshot>,
        ends_ms: Option<u64>,
    ) {
        let mut state = self.state.lock();
        tokens.for_each(|token| state.add(token));
        match snapshot {
            Some(snapshot) => state.stamp(&snapshot.stamps),
            None => state.unstamped = state.unstamped.or(Some(Untraced::Unavailable)),
        }
        state.end_at(ends_ms);
    }

    /// Notes that the dependencies of an inner value are not known. So the outer value is not stored.
    pub(crate) fn lose(&self, reason: Untraced) {
        let mut state = self.state.lock();
        state.untold = Some(reason);
        state.unstamped = Some(reason);
    }

    /// Returns the TTL of the outer value: at most the rest of that of each inner value.
    pub(crate) fn limit(&self, ttl: Ttl, now_ms: u64) -> Option<Ttl> {
        let ends_ms = self.state.lock().ends_ms.filter(|_| !self.keeps_ttl);
        let Some(ends_ms) = ends_ms else { return Some(ttl) };
        let left = ends_ms.saturating_sub(now_ms).min(ttl.duration().map_or(u64::MAX, millis));
        (left > 0).then(|| Ttl::For(Duration::from_millis(left)))
    }

    /// Returns the tags with their tokens, the root's with an empty name.
    ///
    /// # Errors
    /// The reason for which not all of them are known.
    pub(super) fn tokens(&self) -> Result<Vec<(String, u64)>, Untraced> {
        let state = self.state.lock();
        state.untold.map_or_else(|| Ok(state.tokens.clone()), Err)
    }

    /// Returns the generations.
    ///
    /// # Errors
    /// The reason for which not all of them are known.
    pub(super) fn stamps(&self) -> Result<Vec<Stamps>, Untraced> {
        let state = self.state.lock();
        state.unstamped.map_or_else(|| Ok(state.stamps.clone()), Err)
    }
}

impl State {
    fn add(&mut self, token: (String, u64)) {
        if self.tokens.contains(&token) {
            return;
        }
        // R7: a body may make any number of calls. Beside the tags of an entry, there is the root's.
        match self.tokens.len() <= MOST_TAGS {
            true => self.tokens.push(token),
            false => self.untold = self.untold.or(Some(Untraced::TooMany)),
        }
    }

    fn stamp(&mut self, stamps: &Stamps) {
        if self.unstamped.is_some() || self.stamps.contains(stamps) {
            return;
        }
        // R7: for each inner entry, there are the stamps of its name and of its value.
        match self.stamps.len() < 2 * MOST_TAGS {
            true => self.stamps.push(stamps.clone()),
            false => self.unstamped = Some(Untraced::TooMany),
        }
    }

    fn end_at(&mut self, ends_ms: Option<u64>) {
        self.ends_ms = match (self.ends_ms, ends_ms) {
            (Some(known), Some(new)) => Some(known.min(new)),
            (known, new) => known.or(new),
        };
    }
}
