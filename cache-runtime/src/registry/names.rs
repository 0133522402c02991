//! The names by which the entries of a cached function can be invalidated.

use cache_syntax::MAX_SEGMENTS;

use super::pattern::NamePattern;
use crate::registry::CachedSite;
use crate::site::SiteKey;

/// The names that the entries of one cached function have.
pub(super) struct EntryNames<'a> {
    pub(super) site: &'a CachedSite,
    /// The name; a hash at its end is left out.
    name: NamePattern,
    prefixes: Vec<NamePattern>,
    tags: Vec<NamePattern>,
}

impl<'a> EntryNames<'a> {
    pub(super) fn of(site: &'a CachedSite) -> Self {
        Self::with(site, NamePattern::function)
    }

    /// Returns the same names for the question of which invalidations cannot reach them: a value may then equal
    /// the name of a function.
    pub(super) fn loosely(site: &'a CachedSite) -> Self {
        Self::with(site, NamePattern::literal)
    }

    fn with(site: &'a CachedSite, function: fn(&str) -> NamePattern) -> Self {
        let prefix = match site.prefix_is_written {
            true => NamePattern::literal(site.prefix),
            false => function(site.prefix),
        };
        let (name, own) = match site.key {
            SiteKey::Template(template) => (prefix.above(NamePattern::template(template)), None),
            SiteKey::Arguments(_) | SiteKey::Expression => {
                let name = prefix.above(function(site.location.function));
                (name.clone(), Some(name))
            }
        };
        let prefixes = name.parents().chain(own).take(MAX_SEGMENTS).collect();
        let derived = site.derives_tags.then(NamePattern::anything);
        let tags = site.tags.iter().map(|tag| NamePattern::template(tag)).chain(derived).collect();
        EntryNames { site, name, prefixes, tags }
    }

    /// Returns the whole name, if it has no hash.
    pub(super) fn whole(&self) -> Option<&NamePattern> {
        matches!(self.site.key, SiteKey::Template(_)).then_some(&self.name)
    }

    /// Returns true if an invalidation of this prefix may reach an entry.
    pub(super) fn has_prefix(&self, prefix: &NamePattern) -> bool {
        self.has_tag(prefix) || self.whole().is_some_and(|name| name.meets(prefix))
    }

    /// Returns true if an invalidation of this tag may reach an entry.
    pub(super) fn has_tag(&self, tag: &NamePattern) -> bool {
        self.prefixes.iter().chain(&self.tags).any(|own| own.meets(tag))
    }

    /// Returns true if a prefix or tag is meant for entries of this function: each segment that is the same for all of
    /// them is written there.
    pub(super) fn are_meant_by(&self, name: &NamePattern) -> bool {
        self.to_invalidate_by().chain(self.whole()).any(|own| own.is_meant_by(name))
    }

    /// Returns the names that work as a prefix and as a tag.
    pub(super) fn to_invalidate_by(&self) -> impl Iterator<Item = &NamePattern> {
        self.prefixes.iter().chain(&self.tags).filter(|name| !name.is_anything())
    }

    /// Returns true if the names below this prefix consist of a hash only.
    pub(super) fn is_hashed_below(&self, prefix: &NamePattern) -> bool {
        self.whole().is_none() && self.prefixes.iter().any(|own| own.meets(prefix))
    }
}
