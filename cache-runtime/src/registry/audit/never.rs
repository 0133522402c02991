//! Tags that no function of the program invalidates.

use super::Finding;
use crate::registry::pattern::NamePattern;
use crate::registry::{CachedSite, MutationSite};

pub(super) fn never_invalidated(site: &CachedSite, mutations: &[MutationSite]) -> Vec<Finding> {
    let invalidated = |tag: &NamePattern| {
        let names = mutations.iter().flat_map(|site| site.prefix.iter().chain(site.tags));
        names.into_iter().any(|name| NamePattern::template(name).meets(tag))
    };
    let never = site.tags.iter().filter(|tag| !invalidated(&NamePattern::template(tag)));
    never.map(|tag| Finding::NeverInvalidated { site: site.location.clone(), tag }).collect()
}
