//! The registry's entry of a function that invalidates.

use serde::Serialize;

use crate::site::{Declared, SourceLocation};

/// The options of one `#[cache_invalidate]` or `#[cache_put]`.
#[derive(Clone, Copy, Debug)]
pub struct MutationSpec {
    /// The place of the attribute.
    pub declared: Declared,
    /// The attribute of the two.
    pub kind: Mutation,
    /// `prefix`.
    pub prefix: Option<&'static str>,
    /// `tags`.
    pub tags: &'static [&'static str],
    /// The arguments.
    pub arguments: &'static [&'static str],
    /// Each `entry`: the call, and the name of the called function.
    pub entries: &'static [(&'static str, &'static str)],
    /// `when`.
    pub when: &'static str,
    /// True if `if` is given.
    pub conditional: bool,
    /// `manager`.
    pub manager: Option<&'static str>,
}

/// A function with [`#[cache_invalidate]`](macro@crate::cache_invalidate) or
/// [`#[cache_put]`](macro@crate::cache_put).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MutationSite {
    /// The place of the attribute.
    #[serde(flatten)]
    pub location: SourceLocation,
    /// The effect on the entries.
    pub kind: Mutation,
    /// The template of the prefix that it invalidates: `video:{id}`.
    pub prefix: Option<&'static str>,
    /// The templates of the tags that it invalidates. An expression is shown as `{..}`.
    pub tags: &'static [&'static str],
    /// The names that its templates can use: those of its arguments, without `self`.
    pub arguments: &'static [&'static str],
    /// The calls whose entries it invalidates or puts.
    pub entries: Vec<SiteEntry>,
    /// `success`, `always` or `before`.
    pub when: &'static str,
    /// True if `if` is given.
    pub conditional: bool,
    /// The `manager` as it is written; `None` if it uses that of the scope or of the process.
    pub manager: Option<&'static str>,
}

/// A call in the option `entry`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct SiteEntry {
    /// The call, as it is written.
    pub call: &'static str,
    /// The name of the function or method that it calls; empty if that has none.
    pub function: &'static str,
}

/// The effect of a function on the entries that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mutation {
    /// `#[cache_invalidate]`: it invalidates them.
    Invalidate,
    /// `#[cache_put]`: it stores its result under them.
    Put,
}

impl Mutation {
    /// Returns the words for the effect if there is no entry.
    pub(crate) fn nothing(self) -> &'static str {
        match self {
            Mutation::Invalidate => "nothing is invalidated",
            Mutation::Put => "nothing is put, and what was there stays",
        }
    }
}

impl MutationSite {
    pub(super) fn of(spec: &MutationSpec) -> Self {
        let MutationSpec { declared, kind, prefix, tags, arguments, entries, .. } = *spec;
        let MutationSpec { when, conditional, manager, .. } = *spec;
        let location = SourceLocation::of(&declared);
        let entry = |&(call, function): &_| SiteEntry { call, function };
        let entries = entries.iter().map(entry).collect();
        MutationSite {
            location,
            kind,
            prefix,
            tags,
            arguments,
            entries,
            when,
            conditional,
            manager,
        }
    }
}
