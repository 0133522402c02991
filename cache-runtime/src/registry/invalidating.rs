//! What the registry says of a function that invalidates.

use serde::Serialize;

use super::place::{Declared, Place};

/// The options of one `#[cache_invalidate]` or `#[cache_put]`.
#[derive(Clone, Copy, Debug)]
pub struct InvalidatingSpec {
    /// Where it is.
    pub declared: Declared,
    /// Which of the two it is.
    pub kind: Invalidating,
    /// `prefix`.
    pub prefix: Option<&'static str>,
    /// `tags`.
    pub tags: &'static [&'static str],
    /// `entry`, each time it is written.
    pub entries: &'static [&'static str],
    /// `when`.
    pub when: &'static str,
    /// Whether `if` is written.
    pub conditional: bool,
}

/// A function under [`#[cache_invalidate]`](macro@crate::cache_invalidate) or
/// [`#[cache_put]`](macro@crate::cache_put).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InvalidatingSite {
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// What it does to the entries.
    pub kind: Invalidating,
    /// The template of the prefix that it invalidates: `video:{id}`.
    pub prefix: Option<&'static str>,
    /// The templates of the tags that it invalidates.
    pub tags: &'static [&'static str],
    /// The calls whose entries it invalidates or puts, as they are written.
    pub entries: &'static [&'static str],
    /// `success`, `always` or `before`.
    pub when: &'static str,
    /// Whether `if` is written.
    pub conditional: bool,
}

/// What a function does to the entries it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Invalidating {
    /// `#[cache_invalidate]`: it invalidates them.
    Invalidate,
    /// `#[cache_put]`: it stores its result under them.
    Put,
}

impl InvalidatingSite {
    pub(super) fn of(spec: &InvalidatingSpec) -> Self {
        let InvalidatingSpec { declared, kind, prefix, tags, entries, when, conditional } = *spec;
        let place = Place::of(&declared);
        InvalidatingSite { place, kind, prefix, tags, entries, when, conditional }
    }
}
