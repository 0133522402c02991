//! Checks names, prefixes and tags that are given to the direct API.
//!
//! The rules are those of `cache_syntax`. Text that a template renders follows them by its construction,
//! except for its length, which the cache shortens everywhere in the same way.

use std::borrow::Cow;

use cache_syntax::{name_fault, prefix_fault, tag_fault};

use super::text::shorten;
use crate::error::Error;

/// The characters of a refused text that an error repeats: it may be a megabyte that was given by mistake.
const MAX_SHOWN: usize = 4096;

/// Checks the name of an entry.
///
/// # Errors
/// [`Error::Name`] for a [fault](name_fault).
pub(crate) fn validate_name(name: &str) -> Result<(), Error> {
    refuse("name", name, name_fault(name))
}

/// Returns the tag of a prefix to invalidate by.
///
/// # Errors
/// [`Error::Name`] for a [fault](prefix_fault).
pub(crate) fn validate_prefix(prefix: &str) -> Result<Cow<'_, str>, Error> {
    refuse("prefix", prefix, prefix_fault(prefix)).map(|()| shorten(prefix))
}

/// Returns the text that a tag is stored under.
///
/// # Errors
/// [`Error::Name`] for a [fault](tag_fault).
pub(crate) fn validate_tag(tag: &str) -> Result<Cow<'_, str>, Error> {
    refuse("tag", tag, tag_fault(tag)).map(|()| shorten(tag))
}

fn refuse(what: &'static str, given: &str, fault: Option<&'static str>) -> Result<(), Error> {
    fault.map_or(Ok(()), |reason| {
        Err(Error::Name { what, given: given.chars().take(MAX_SHOWN).collect(), reason })
    })
}
