//! Tags that no function of the program invalidates.

use super::Finding;
use super::pattern::Pattern;
use crate::registry::{CachedSite, InvalidatingSite};

pub(super) fn never_invalidated(
    site: &CachedSite,
    invalidating: &[InvalidatingSite],
) -> Vec<Finding> {
    let invalidated = |tag: &Pattern| {
        let names = invalidating.iter().flat_map(|site| site.prefix.iter().chain(site.tags));
        names.into_iter().any(|name| Pattern::template(name).meets(tag))
    };
    let never = site.tags.iter().filter(|tag| !invalidated(&Pattern::template(tag)));
    never.map(|tag| Finding::NeverInvalidated { site: site.place.clone(), tag }).collect()
}
