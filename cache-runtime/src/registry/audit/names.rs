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
        let prefix = match site.prefix_is_written {
            true => NamePattern::literal(site.prefix),
            false => NamePattern::function(site.prefix),
        };
        let (name, own) = match site.key {
            SiteKey::Template(template) => (prefix.above(NamePattern::template(template)), None),
            SiteKey::Arguments(_) | SiteKey::Expression => {
                let name = prefix.above(NamePattern::function(site.location.function));
                (name.clone(), Some(name))
            }
        };
        let prefixes = name.parents().chain(own).take(MAX_SEGMENTS).collect();
        let tags = site.tags.iter().map(|tag| NamePattern::template(tag)).collect();
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

    /// Returns the names that work as a prefix and as a tag.
    pub(super) fn to_invalidate_by(&self) -> impl Iterator<Item = &NamePattern> {
        self.prefixes.iter().chain(&self.tags)
    }

    /// Returns true if the names below this prefix consist of a hash only.
    pub(super) fn is_hashed_below(&self, prefix: &NamePattern) -> bool {
        self.whole().is_none() && self.prefixes.iter().any(|own| own.meets(prefix))
    }
}
