//! The audit: mistakes that can be found from the call sites alone.

mod braces;
mod finding;
mod never;
mod not_passed_on;
#[cfg(test)]
mod tests;

use cache_syntax::nearest;

use crate::registry::names::EntryNames;
use crate::registry::pattern::NamePattern;
use crate::registry::{CachedSite, MutationSite, Registry, SiteEntry, registry};
use crate::site::{SiteKey, SourceLocation};

use braces::without_braces;
pub use finding::Finding;
use never::never_invalidated;
use not_passed_on::not_passed_on;

/// Finds probable mistakes in the attributes of the program: [`Registry::audit`] of [`registry`].
///
/// ```
/// # use cache_runtime::{cache_invalidate, cached};
/// # #[cached(key_prefix = "video", key = "{id}")]
/// # async fn get_video(id: u64) -> u64 { id }
/// # #[cache_invalidate(prefix = "video:{id}")]
/// # async fn rename_video(id: u64) { _ = id; }
/// assert_eq!(cache_runtime::audit(), []);
/// ```
///
/// A program without annotated functions is also a [finding](Finding::NoSites): a test in `tests/` only
/// sees the functions of the library if it uses the library. `use shop as _;` is enough.
#[must_use = "it returns its findings: `assert_eq!(audit(), [])`"]
pub fn audit() -> Vec<Finding> {
    registry().audit()
}

impl Registry {
    /// Finds probable mistakes in these attributes.
    ///
    /// Uses of the direct API ([`CacheManager`](crate::CacheManager)) are unknown here: a prefix or tag
    /// that only directly stored entries have counts as unused, and a tag that is only invalidated
    /// directly counts as never invalidated. Such findings can be removed:
    ///
    /// ```
    /// use cache_runtime::{Finding, audit, cached};
    ///
    /// #[cached(tags = ["team:{team}"])]
    /// async fn members(team: u64) -> Vec<String> {
    ///     vec![format!("a member of {team}")]
    /// }
    ///
    /// let mut findings = audit();
    /// findings.retain(|finding| !matches!(finding, Finding::NeverInvalidated { tag: "team:{team}", .. }));
    /// assert_eq!(findings, []);
    /// ```
    ///
    /// Of [the calls that were seen](Registry::calls), those are checked that this process has made so far. To
    /// check those of a test, call this at its end.
    ///
    /// Call sites that should not be checked, such as those of a library, can be removed first:
    ///
    /// ```
    /// # mod shop { #[cache_runtime::cached] async fn price(id: u64) -> u64 { id } }
    /// let mut registry = cache_runtime::registry();
    /// registry.cached.retain(|site| site.location.module.contains("shop"));
    /// registry.mutations.retain(|site| site.location.module.contains("shop"));
    /// assert_eq!(registry.audit(), []);
    /// ```
    #[must_use = "it returns its findings: `assert_eq!(registry.audit(), [])`"]
    pub fn audit(&self) -> Vec<Finding> {
        if self.cached.is_empty() && self.mutations.is_empty() {
            return vec![Finding::NoSites {}];
        }
        let names: Vec<EntryNames<'_>> = self.cached.iter().map(EntryNames::of).collect();
        let mut findings = twins(&self.cached);
        findings.extend(same_names(&names));
        for site in &self.cached {
            findings.extend(without_braces(site.into()));
            findings.extend(never_invalidated(site, &self.mutations));
        }
        for site in &self.mutations {
            findings.extend(without_braces(site.into()));
            findings.extend(nothing_to_invalidate(site, &names));
            findings.extend(not_cached(site, &self.cached));
        }
        findings.extend(accidental_parents(&self.cached));
        findings.extend(not_passed_on(self));
        findings
    }
}

/// Returns those of the prefixes that no function has, each with the one that was probably meant. Returns
/// none if there are no functions. Names that are set directly may still have these prefixes.
pub(crate) fn unused_prefixes<'a>(
    prefixes: impl Iterator<Item = &'a str>,
    sites: &[CachedSite],
) -> Vec<(&'a str, Option<&'static str>)> {
    let is_above = |prefix: &str, site: &CachedSite| {
        site.prefix
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    };
    let unused = prefixes.filter(|prefix| !sites.iter().any(|site| is_above(prefix, site)));
    let meant = |prefix| nearest(prefix, sites.iter().map(|site| site.prefix));
    unused.filter(|_| !sites.is_empty()).map(|prefix| (prefix, meant(prefix))).collect()
}

fn twins(sites: &[CachedSite]) -> Vec<Finding> {
    let groups = grouped(sites, are_twins).into_iter();
    groups.map(|group| Finding::Twins { sites: locations(&group) }).collect()
}

fn are_twins(a: &CachedSite, b: &CachedSite) -> bool {
    let identity = |site: &CachedSite| {
        let SourceLocation { package, module, path, .. } = site.location;
        (package, module, path, site.version)
    };
    identity(a) == identity(b)
}

/// Finds functions whose `key` templates give the same names. Names with a hash are left out, because the
/// hash covers the function.
fn same_names(names: &[EntryNames<'_>]) -> Vec<Finding> {
    let whole: Vec<(String, &CachedSite)> =
        names.iter().filter_map(|names| Some((names.whole()?.to_string(), names.site))).collect();
    let mut findings = Vec::new();
    for group in grouped(&whole, |a, b| a.0 == b.0) {
        let sites: Vec<&CachedSite> = group.iter().map(|(_, site)| *site).collect();
        if sites.iter().all(|site| are_twins(sites[0], site)) {
            continue;
        }
        findings.push(Finding::SameNames { names: group[0].0.clone(), sites: locations(&sites) });
    }
    findings
}

/// Returns the groups of at least two alike items, each in the order of the items.
fn grouped<T>(items: &[T], alike: impl Fn(&T, &T) -> bool) -> Vec<Vec<&T>> {
    let mut groups: Vec<Vec<&T>> = Vec::new();
    for item in items {
        match groups.iter_mut().find(|group| alike(group[0], item)) {
            Some(group) => group.push(item),
            None => groups.push(vec![item]),
        }
    }
    groups.retain(|group| group.len() > 1);
    groups
}

fn locations(sites: &[&CachedSite]) -> Vec<SourceLocation> {
    sites.iter().map(|site| site.location.clone()).collect()
}

fn nothing_to_invalidate(site: &MutationSite, names: &[EntryNames<'_>]) -> Vec<Finding> {
    let prefix = site.prefix.iter().map(|prefix| ("prefix", *prefix));
    let tags = site.tags.iter().map(|tag| ("tags", *tag));
    let invalidated = prefix.chain(tags);
    let in_vain = invalidated.filter(|(option, text)| {
        let pattern = NamePattern::template(text);
        !names.iter().any(|names| match *option {
            "prefix" => names.has_prefix(&pattern),
            _ => names.has_tag(&pattern),
        })
    });
    let finding = |(option, name)| {
        let meant = nearest_name(name, names);
        let below = meant.filter(|meant| option == "prefix" && is_parent_of_value(meant, name));
        let hashed =
            below.and_then(|meant| names.iter().find(|names| names.is_hashed_below(meant)));
        Finding::NothingToInvalidate {
            site: site.location.clone(),
            option,
            name,
            nearest: meant.map(NamePattern::written),
            hashed: hashed.map(|names| names.site.location.function),
        }
    };
    in_vain.map(finding).collect()
}

/// Finds calls of functions whose name no cached function has. The compiler cannot distinguish an async
/// function from a cached one.
fn not_cached(site: &MutationSite, cached: &[CachedSite]) -> Vec<Finding> {
    let known = || cached.iter().map(|site| site.location.function);
    let named = site.entries.iter().filter(|entry| !entry.function.is_empty());
    let unknown = named.filter(|entry| known().all(|known| known != entry.function));
    let finding = |entry: &SiteEntry| Finding::NotCached {
        site: site.location.clone(),
        action: site.kind,
        call: entry.call,
        function: entry.function,
        nearest: nearest(entry.function, known()),
    };
    unknown.map(finding).collect()
}

/// Returns the name that was probably meant: the one nearest to this text, or else to one of its parents.
fn nearest_name<'n>(text: &str, names: &'n [EntryNames<'_>]) -> Option<&'n NamePattern> {
    let written = NamePattern::template(text);
    let known = names.iter().flat_map(EntryNames::to_invalidate_by);
    let known: Vec<_> = known.map(|name| (name.to_string(), name)).collect();
    let mut longest_last: Vec<NamePattern> = written.parents().collect();
    longest_last.push(written);
    longest_last.iter().rev().find_map(|written| {
        let meant = nearest(&written.to_string(), known.iter().map(|(text, _)| &**text))?;
        known.iter().find(|(text, _)| text == meant).map(|(_, name)| *name)
    })
}

/// Returns true if the template is below this name, and has a value there.
fn is_parent_of_value(meant: &NamePattern, text: &str) -> bool {
    text.contains('{') && NamePattern::template(text).parents().any(|parent| parent.meets(meant))
}

/// Finds prefixes that come from a function's name and cover a prefix that is written in an attribute.
fn accidental_parents(sites: &[CachedSite]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for parent in sites {
        for child in sites.iter().filter(|site| site.prefix_is_written) {
            if std::ptr::eq(parent, child) {
                continue;
            }
            if let Some(prefix) = accidental_parent(parent, child.prefix) {
                findings.push(Finding::AccidentalParent {
                    prefix,
                    parent: parent.location.clone(),
                    covered: child.prefix,
                    child: child.location.clone(),
                });
            }
        }
    }
    findings
}

/// Returns the prefix from the name of the parent's function that covers this written prefix, if there is
/// one.
fn accidental_parent(parent: &CachedSite, written: &str) -> Option<String> {
    let has_below =
        |prefix: &str| written.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(':'));
    let with_function = format!("{}:{}", parent.prefix, parent.location.function);
    let hashed = !matches!(parent.key, SiteKey::Template(_));
    if hashed && (written == with_function || has_below(&with_function)) {
        return Some(with_function);
    }
    let default = !parent.prefix_is_written && has_below(parent.prefix);
    default.then(|| parent.prefix.to_owned())
}
