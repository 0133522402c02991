//! Invalidations that reach a function, and not those whose values are computed from it.

use super::Finding;
use crate::registry::names::EntryNames;
use crate::registry::pattern::NamePattern;
use crate::registry::reach::{Reach, reaches};
use crate::registry::{CachedSite, Mutation, MutationSite, Registry, SeenCalls};
use crate::site::SourceLocation;

pub(super) fn not_passed_on(registry: &Registry) -> Vec<Finding> {
    let invalidations = registry.mutations.iter().filter(|site| site.kind == Mutation::Invalidate);
    invalidations.flat_map(|site| Passing::of(site, registry).findings()).collect()
}

/// One invalidation on its way from the functions that it reaches to those that call them.
struct Passing<'a> {
    registry: &'a Registry,
    mutation: &'a MutationSite,
    /// The functions that it is known to reach, with the text by which it does.
    reached: Vec<(&'a SourceLocation, Reach)>,
}

impl<'a> Passing<'a> {
    fn of(mutation: &'a MutationSite, registry: &'a Registry) -> Self {
        let reaches = |site: &'a CachedSite| {
            let reach = registry.surely_reaches(mutation, site)?;
            Some((&registry.only(&site.location)?.location, reach))
        };
        let reached = registry.cached.iter().filter_map(reaches).collect();
        let mut passing = Passing { registry, mutation, reached };
        while let Some(inherited) = passing.next_that_inherits() {
            passing.reached.push(inherited);
        }
        passing
    }

    /// Returns a function that is reached because it inherits from one that is.
    fn next_that_inherits(&self) -> Option<(&'a SourceLocation, Reach)> {
        self.registry.calls.iter().find_map(|calls| {
            let outer = self.registry.only(&calls.outer)?;
            let inherits = outer.inherits.is_any() && outer.manager == self.mutation.manager;
            let is_new = self.reach_of(&calls.outer).is_none();
            let reach = self.reach_of(&calls.inner).filter(|_| inherits && is_new)?;
            Some((&outer.location, reach))
        })
    }

    fn reach_of(&self, location: &SourceLocation) -> Option<Reach> {
        let reached = self.reached.iter().find(|(reached, _)| *reached == location);
        reached.map(|(_, reach)| *reach)
    }

    fn findings(&self) -> Vec<Finding> {
        self.registry.calls.iter().filter_map(|calls| self.finding(calls)).collect()
    }

    fn finding(&self, calls: &SeenCalls) -> Option<Finding> {
        let Reach { option, text } = self.reach_of(&calls.inner)?;
        let outer = self.registry.only(&calls.outer)?;
        let may_reach = outer.inherits.is_any()
            || !reaches(self.mutation, &EntryNames::loosely(outer)).is_empty();
        // A function with another manager may have its entries in another cache.
        if may_reach || outer.manager != self.mutation.manager {
            return None;
        }
        Some(Finding::NotPassedOn {
            site: self.mutation.location.clone(),
            option,
            name: text,
            inner: calls.inner.clone(),
            outer: calls.outer.clone(),
        })
    }
}

impl Registry {
    /// Returns the cached function at this location, if it is the only one there.
    fn only(&self, location: &SourceLocation) -> Option<&CachedSite> {
        let mut sites = self.cached.iter().filter(|site| site.location == *location);
        sites.next().filter(|_| sites.next().is_none())
    }

    /// Returns the text by which the mutation is known to reach entries of this function.
    fn surely_reaches(&self, mutation: &MutationSite, site: &CachedSite) -> Option<Reach> {
        let names = EntryNames::of(site);
        let function = site.location.function;
        let called_so = self.cached.iter().filter(|other| other.location.function == function);
        let is_alone = called_so.count() == 1;
        let is_sure = |reach: &Reach| match reach.option {
            "entry" => is_alone,
            _ => names.are_meant_by(&NamePattern::template(reach.text)),
        };
        // A function with another manager may have its entries in another cache.
        let is_together = site.manager == mutation.manager;
        reaches(mutation, &names).into_iter().find(is_sure).filter(|_| is_together)
    }
}
