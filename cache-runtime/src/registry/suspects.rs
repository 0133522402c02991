//! The functions whose invalidation may be missing where a value differs from its source.
//!
//! The functions that write are known only by their attributes. So this is a list of candidates, the likely ones first:
//!
//! 1. functions that invalidate entries from which the value is computed, if the function does not inherit them;
//! 2. functions that take an argument of the key, and do not reach the entry;
//! 3. functions that reach the entry: the write may have gone past them.

use super::graph::{EdgeKind, Graph};
use super::{CachedSite, MutationSite, Registry, registry};
use crate::site::{Declared, SiteKey, SourceLocation};

/// The maximum number of functions that are named.
const NAMED: usize = 6;

/// Returns the functions whose invalidation of the entry of this name may be missing, as a sentence.
pub(crate) fn hint(declared: Option<&Declared>, name: &str) -> String {
    let registry = registry();
    let location = declared.map(SourceLocation::of);
    let place = |site: &CachedSite| Some(&site.location) == location.as_ref();
    let hints = match registry.cached.iter().position(place) {
        Some(function) => registry.suspects(function),
        None => Vec::new(),
    };
    if hints.is_empty() {
        return format!(
            "no function invalidates {name}: add `#[cache_invalidate]` to the functions that change its data"
        );
    }
    hints.join("; ")
}

impl Registry {
    /// Returns a hint for each function whose invalidation of an entry may be missing. `function` is the place of the
    /// entry's function.
    fn suspects(&self, function: usize) -> Vec<String> {
        let graph = self.graph();
        let reaching = |place: usize| changes(&graph, place);
        let own: Vec<usize> = reaching(function).collect();
        let mut hints = Vec::new();
        for inner in read_by(&graph, function) {
            let inner_name = self.cached[inner].location.function;
            for change in reaching(inner).filter(|change| !own.contains(change)) {
                let location = &graph.functions[change].location;
                hints.push(format!(
                    "{location} invalidates `{inner_name}`, which the body calls, but not this entry: add `inherit`"
                ));
            }
        }
        let mutations = self.mutations.iter().enumerate();
        let (site, first) = (&self.cached[function], self.cached.len());
        let others = mutations.filter(|(place, _)| !own.contains(&(first + place)));
        let mut others: Vec<_> = others
            .map(|(_, change)| (common(site, change), change))
            .filter(|(n, _)| *n > 0)
            .collect();
        others.sort_by_key(|(arguments, _)| std::cmp::Reverse(*arguments));
        hints.extend(others.into_iter().map(|(_, change)| {
            format!(
                "{} takes the same arguments, but does not invalidate this entry",
                change.location
            )
        }));
        hints.extend(own.iter().map(|change| {
            let location = &graph.functions[*change].location;
            format!("{location} invalidates it, but the data may have been changed without it")
        }));
        hints.truncate(NAMED);
        hints
    }
}

/// Returns the functions that invalidate or put entries of a cached function.
fn changes(graph: &Graph, of: usize) -> impl Iterator<Item = usize> {
    let is_change =
        |kind: &EdgeKind| matches!(kind, EdgeKind::Invalidates { .. } | EdgeKind::Puts { .. });
    let edges = graph.edges.iter().filter(move |edge| edge.to == of && is_change(&edge.kind));
    edges.map(|edge| edge.from)
}

/// Returns the cached functions that the body of this one calls without inheriting their dependencies.
fn read_by(graph: &Graph, function: usize) -> impl Iterator<Item = usize> {
    let edges = graph.edges.iter().filter(move |edge| {
        edge.from == function && matches!(edge.kind, EdgeKind::Calls { inherits: false, .. })
    });
    edges.map(|edge| edge.to)
}

/// Returns the number of arguments of the key that a mutation takes, too.
fn common(site: &CachedSite, change: &MutationSite) -> usize {
    let of_key = site.arguments.iter().filter(|argument| is_of_key(site, argument));
    of_key.filter(|argument| change.arguments.contains(argument)).count()
}

/// Returns true if the key of an entry is made from this argument.
fn is_of_key(site: &CachedSite, argument: &str) -> bool {
    match site.key {
        SiteKey::Arguments(names) => names.contains(&argument),
        SiteKey::Template(template) => template
            .split('{')
            .filter_map(|part| part.strip_prefix(argument))
            .any(|rest| rest.starts_with(['}', '.', '?'])),
        SiteKey::Expression => !site.skip.contains(&argument),
    }
}
