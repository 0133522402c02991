//! By which names the entries of a cached function can be invalidated.

use super::pattern::Pattern;
use crate::key::name::MAX_PREFIXES;
use crate::registry::CachedSite;
use crate::site::SiteKey;

/// The names that the entries of one cached function have.
pub(super) struct EntryNames<'a> {
    pub(super) site: &'a CachedSite,
    /// The name; a hash at its end is left out.
    name: Pattern,
    prefixes: Vec<Pattern>,
    tags: Vec<Pattern>,
}

impl<'a> EntryNames<'a> {
    pub(super) fn of(site: &'a CachedSite) -> Self {
        let prefix = match site.prefix_is_written {
            true => Pattern::literal(site.prefix),
            false => Pattern::function(site.prefix),
        };
        let (name, own) = match site.key {
            SiteKey::Template(template) => (prefix.above(Pattern::template(template)), None),
            SiteKey::Arguments(_) | SiteKey::Expression => {
                let name = prefix.above(Pattern::function(site.location.function));
                (name.clone(), Some(name))
            }
        };
        let prefixes = name.parents().chain(own).take(MAX_PREFIXES).collect();
        let tags = site.tags.iter().map(|tag| Pattern::template(tag)).collect();
        EntryNames { site, name, prefixes, tags }
    }

    /// The whole name, if it has no hash.
    pub(super) fn whole(&self) -> Option<&Pattern> {
        matches!(self.site.key, SiteKey::Template(_)).then_some(&self.name)
    }

    /// Whether an invalidation of this prefix may reach an entry.
    pub(super) fn has_prefix(&self, prefix: &Pattern) -> bool {
        self.has_tag(prefix) || self.whole().is_some_and(|name| name.meets(prefix))
    }

    /// Whether an invalidation of this tag may reach an entry.
    pub(super) fn has_tag(&self, tag: &Pattern) -> bool {
        self.prefixes.iter().chain(&self.tags).any(|own| own.meets(tag))
    }

    /// What works as a prefix and as a tag.
    pub(super) fn to_invalidate_by(&self) -> impl Iterator<Item = &Pattern> {
        self.prefixes.iter().chain(&self.tags)
    }

    /// Whether it has nothing but a hash below this prefix.
    pub(super) fn is_hashed_below(&self, prefix: &Pattern) -> bool {
        self.whole().is_none() && self.prefixes.iter().any(|own| own.meets(prefix))
    }
}
