//! A call that has ended, as a collector receives it.

use std::sync::Arc;
use std::time::Duration;

use cache_syntax::prefixes;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::bypass::BypassReason;
use crate::config::Ttl;
use crate::site::{Declared, Instance, SourceLocation};
use crate::tiers::core::DIRECT;
use crate::tiers::key::CallKey;
use crate::tiers::origin::{Origin, Source};

/// A call in an [`Observation`](crate::Observation).
///
/// Serialises as a map of `function`, `prefix`, `name`, `source`, `bypass`, `age` in seconds, `remaining`, `stale`,
/// `error`, `tags` and `depth`.
#[derive(Clone, Debug)]
pub struct ObservedCall {
    ended: EndedCall,
    depth: usize,
    /// The number of the call whose body has made it.
    inside: Option<u64>,
}

/// A call that has ended.
#[derive(Clone, Debug)]
pub(super) struct EndedCall {
    pub(super) number: u64,
    pub(super) subject: Subject,
    pub(super) origin: Origin,
    pub(super) bypass: Option<BypassReason>,
    pub(super) is_error: bool,
}

/// The function of a call, and its entry.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    function: &'static str,
    prefix: Option<&'static str>,
    /// `None`: it has no entry, or its key is not made.
    key: Option<Arc<CallKey>>,
}

impl Subject {
    /// Returns the subject of a call of a function.
    pub(crate) fn of_function(instance: &'static Instance, key: Option<Arc<CallKey>>) -> Self {
        Subject { function: instance.label(), prefix: Some(instance.spec.prefix()), key }
    }

    /// Returns the subject of a call of a function that has no entries of its own.
    pub(crate) fn of_declared(declared: &Declared) -> Self {
        Subject { function: SourceLocation::of(declared).path, prefix: None, key: None }
    }

    /// Returns the subject of a call of the direct API without an entry.
    pub(crate) fn direct() -> Self {
        Subject { function: DIRECT, prefix: None, key: None }
    }

    /// Returns the subject of a call with this key, which may be one of the direct API.
    pub(crate) fn of_key(key: &Arc<CallKey>) -> Self {
        let function = key.function().unwrap_or(DIRECT);
        Subject { function, prefix: key.prefix(), key: Some(Arc::clone(key)) }
    }
}

impl ObservedCall {
    pub(super) fn new(ended: EndedCall, depth: usize, inside: Option<u64>) -> Self {
        ObservedCall { ended, depth, inside }
    }

    /// Returns the function, with its path and type parameters: `shop::videos::get_video`. Returns `direct` for a call
    /// of the direct API. For a function of many keys whose entries are those of another one, it is the other one.
    pub fn function(&self) -> &'static str {
        self.ended.subject.function
    }

    /// Returns the `key_prefix` of the function. Returns `None` for a call of the direct API.
    pub fn prefix(&self) -> Option<&'static str> {
        self.ended.subject.prefix
    }

    /// Returns the name of the entry, without the namespace. Returns `None` if the call bypasses the cache before its
    /// key is made.
    pub fn name(&self) -> Option<&str> {
        self.ended.subject.key.as_ref().map(|key| key.name().as_str())
    }

    /// Returns the source of the output.
    pub fn source(&self) -> Source {
        self.ended.origin.source
    }

    /// Returns the reason for which the call has bypassed the cache, if it has.
    pub fn bypass(&self) -> Option<BypassReason> {
        self.ended.bypass
    }

    /// Returns the time since the value was stored; zero if it has just been loaded.
    pub fn age(&self) -> Duration {
        self.ended.origin.age
    }

    /// Returns the rest of the value's TTL; zero if it has ended. Returns `None` if no value is stored: the call has
    /// bypassed the cache, its output is an error, or its value was refused or overtaken.
    pub fn remaining(&self) -> Option<Ttl> {
        self.ended.origin.remaining
    }

    /// Returns true if a store has answered: [`Memory`](Source::Memory) or [`Redis`](Source::Redis).
    pub fn is_hit(&self) -> bool {
        matches!(self.source(), Source::Memory | Source::Redis)
    }

    /// Returns true if the TTL of the value has ended.
    pub fn is_stale(&self) -> bool {
        self.ended.origin.stale
    }

    /// Returns true if the output is an error: that of the body, of a shared load, or a remembered one.
    pub fn is_error(&self) -> bool {
        self.ended.is_error
    }

    /// Returns the tags by which the entry can be invalidated: the prefixes of its name, then the `tags` of the
    /// function.
    pub fn tags(&self) -> &[String] {
        let tags = self.ended.subject.key.as_ref().map_or(&[][..], |key| key.tags());
        // A tag of the cache's own, such as that of functions with `inherit`, is the last.
        let own = tags.iter().take_while(|tag| !tag.starts_with('#')).count();
        &tags[..own]
    }

    /// Returns the number of cached calls in whose bodies it was made; zero for a call of the observed future itself.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Returns true if `pattern` is one of these, in full:
    ///
    /// - the function: `get_video`, `videos::get_video`, `Shop::get_video`
    /// - the name of the entry: `video:42`
    /// - one of its prefixes or tags: `video`, `user:7`
    pub fn is_about(&self, pattern: &str) -> bool {
        self.is_of_function(pattern)
            || self.name() == Some(pattern)
            || self.tags().iter().any(|tag| tag == pattern)
            || self
                .prefix()
                .is_some_and(|own| own == pattern || prefixes(own).any(|prefix| prefix == pattern))
    }

    /// Returns true for the name of the function, with or without its path and types.
    fn is_of_function(&self, pattern: &str) -> bool {
        let ends = |function: &str| match function.strip_suffix(pattern) {
            Some(path) => !pattern.is_empty() && (path.is_empty() || path.ends_with("::")),
            None => false,
        };
        let function = self.function();
        ends(function) || function.split_once('<').is_some_and(|(plain, _)| ends(plain))
    }

    /// Returns its number, by which the calls of its body are known.
    pub(super) fn number(&self) -> u64 {
        self.ended.number
    }

    /// Returns the number of the call whose body has made it.
    pub(super) fn made_by(&self) -> Option<u64> {
        self.inside
    }
}

impl Serialize for ObservedCall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("ObservedCall", 11)?;
        map.serialize_field("function", self.function())?;
        map.serialize_field("prefix", &self.prefix())?;
        map.serialize_field("name", &self.name())?;
        map.serialize_field("source", &self.source())?;
        map.serialize_field("bypass", &self.bypass())?;
        map.serialize_field("age", &self.age().as_secs_f64())?;
        map.serialize_field("remaining", &self.remaining())?;
        map.serialize_field("stale", &self.is_stale())?;
        map.serialize_field("error", &self.is_error())?;
        map.serialize_field("tags", self.tags())?;
        map.serialize_field("depth", &self.depth())?;
        map.end()
    }
}
