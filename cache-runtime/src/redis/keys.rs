//! The names of keys in Redis.

use xxhash_rust::xxh3::xxh3_64;

use super::token_cache::ROOT;
use crate::key::name::{name_of, name_of_tag, name_tag, token_end};

/// The prefix of the key of a tag's token, after the namespace.
pub(super) const TOKEN: &str = "#t:";
/// The number of removal counters. If a tag is removed, loads whose values have tags with the same counter may not
/// be stored. In a cluster, the counters are on several nodes.
pub(super) const REMOVAL_COUNTERS: u64 = 16;

/// The keys of a namespace.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    namespace: String,
}

impl Keys {
    pub(super) fn new(namespace: &str) -> Self {
        Keys { namespace: namespace.to_owned() }
    }

    /// Returns a key without the namespace; `None` if it is not in the namespace.
    pub(super) fn within<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.get(self.namespace.len() + 1..)
    }

    /// Joins the parts to a key in the namespace.
    fn of<const N: usize>(&self, parts: [&str; N]) -> String {
        let namespace = &self.namespace;
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        let mut key = String::with_capacity(namespace.len() + 1 + len);
        key.push_str(namespace);
        key.push(':');
        parts.iter().for_each(|part| key.push_str(part));
        key
    }

    pub(super) fn value(&self, name: &str) -> String {
        self.of([name])
    }

    pub(super) fn token(&self, tag: &str) -> String {
        match token_end(&self.namespace, tag) {
            Some(end) => self.of([TOKEN, &end]),
            None => self.of([TOKEN, tag]),
        }
    }

    /// Returns the key of the soft record of a tag.
    pub(super) fn soft(&self, tag: &str) -> String {
        self.of(["#s:", tag])
    }

    /// Returns the key of a removal counter.
    pub(super) fn removals(&self, number: u64) -> String {
        self.of(["#removals:", &number.to_string()])
    }

    /// Returns the number of the removal counter for the token under this key; `None` if removals of the key are not
    /// counted, because it is not that of a tag.
    pub(super) fn counter_of(&self, token: &str) -> Option<u64> {
        let tag = self.within(token)?.strip_prefix(TOKEN)?;
        name_of_tag(tag).is_none().then(|| xxh3_64(tag.as_bytes()) % REMOVAL_COUNTERS)
    }

    /// Returns the key of the token of the name that is stored under this key, or beside which a value is
    /// stored. `None` if the key holds something else.
    pub(super) fn name_token(&self, key: &str) -> Option<String> {
        let stored = self.within(key)?;
        name_of(stored).map(|name| self.token(&name_tag(name)))
    }

    /// Returns the key of the placeholder of a load that replaces the entry of this name.
    pub(super) fn lease(&self, name: &str) -> String {
        self.of(["#lease:", name])
    }

    pub(super) fn run(&self, server: &str) -> String {
        self.of(["#run:", server])
    }

    pub(super) fn root(&self) -> String {
        self.of([ROOT])
    }

    /// Returns the key of the statistics of all processes.
    pub(super) fn fleet_counters(&self) -> String {
        self.of(["#stats"])
    }

    pub(super) fn feed(&self) -> String {
        self.of(["#feed"])
    }

    /// Returns the prefix of the keys that are neither values nor placeholders.
    pub(super) fn reserved(&self) -> String {
        self.of(["#"])
    }

    /// Returns the keys of the tokens that an entry depends on: the root's first.
    pub(super) fn tokens(&self, tags: &[impl AsRef<str>]) -> impl Iterator<Item = String> {
        let tags = tags.iter().map(|tag| self.token(tag.as_ref()));
        std::iter::once(self.root()).chain(tags)
    }

    /// Returns the keys whose pending removals concern these tokens. The removal of a name removes its token.
    pub(super) fn removals_of(&self, tags: &[impl AsRef<str>]) -> Vec<String> {
        let names = tags.iter().filter_map(|tag| name_of_tag(tag.as_ref()));
        self.tokens(tags).chain(names.map(|name| self.value(name))).collect()
    }

    /// Returns the keys that an invalidation removes, tokens first.
    pub(super) fn removal(
        &self,
        names: &[impl AsRef<str>],
        tags: &[impl AsRef<str>],
    ) -> Vec<String> {
        let tokens = tags.iter().map(|tag| self.token(tag.as_ref()));
        tokens.chain(names.iter().map(|name| self.value(name.as_ref()))).collect()
    }
}
