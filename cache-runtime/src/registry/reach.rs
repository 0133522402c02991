//! The entries that a mutation reaches.

use serde::Serialize;

use super::mutation::MutationSite;
use super::names::EntryNames;
use super::pattern::NamePattern;

/// The text in an attribute by which a mutation reaches the entries of a cached function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Reach {
    /// `prefix`, `tags` or `entry`.
    pub option: &'static str,
    /// The prefix, tag or call, as it is written.
    pub text: &'static str,
}

/// Returns the ways in which a mutation may reach entries with these names. A function is known by its name
/// alone, so an `entry` reaches all cached functions of that name.
pub(super) fn reaches(mutation: &MutationSite, names: &EntryNames<'_>) -> Vec<Reach> {
    let prefix =
        mutation.prefix.iter().filter(|text| names.has_prefix(&NamePattern::template(text)));
    let prefix = prefix.map(|text| Reach { option: "prefix", text });
    let tags = mutation.tags.iter().filter(|text| names.has_tag(&NamePattern::template(text)));
    let tags = tags.map(|text| Reach { option: "tags", text });
    let function = names.site.location.function;
    let entries = mutation.entries.iter().filter(|entry| entry.function == function);
    let entries = entries.map(|entry| Reach { option: "entry", text: entry.call });
    prefix.chain(tags).chain(entries).collect()
}
