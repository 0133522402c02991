//! What names, prefixes and tags written by people may look like.

use std::borrow::Cow;

use super::{MAX_PREFIXES, shorten};
use crate::error::Error;

/// The longest text taken, in bytes.
const MAX_BY_HAND: usize = 4096;

/// The tag of a prefix to invalidate by.
///
/// # Errors
/// [`Error::Name`] if it is empty, begins with `#`, ends with `:`, has more than six segments, is
/// longer than 4 KiB or holds a control character.
pub(crate) fn validate_prefix(prefix: &str) -> Result<Cow<'_, str>, Error> {
    text("prefix", prefix)?;
    if prefix.ends_with(':') {
        return Err(refused("prefix", prefix, "write it without the `:` at its end"));
    }
    if prefix.split(':').count() > MAX_PREFIXES {
        return Err(refused(
            "prefix",
            prefix,
            "only the first 6 segments of a name are tags; for more use `clear(pattern)`",
        ));
    }
    Ok(shorten(prefix))
}

/// The text a tag is stored under.
///
/// # Errors
/// [`Error::Name`] if it is empty, begins with `#`, is longer than 4 KiB or holds a control
/// character.
pub(crate) fn validate_tag(tag: &str) -> Result<Cow<'_, str>, Error> {
    text("tag", tag)?;
    Ok(shorten(tag))
}

/// What holds for every text a person gives.
pub(super) fn text(what: &'static str, given: &str) -> Result<(), Error> {
    let reason = if given.is_empty() {
        "it is empty"
    } else if given.starts_with('#') {
        "texts that begin with `#` are reserved for the cache's own data"
    } else if given.len() > MAX_BY_HAND {
        "it is longer than 4096 bytes"
    } else if given.chars().any(char::is_control) {
        "it holds a control character; put values into it with `cache_runtime::escape`"
    } else {
        return Ok(());
    };
    Err(refused(what, given, reason))
}

fn refused(what: &'static str, given: &str, reason: &'static str) -> Error {
    // An error is for reading: a megabyte given by mistake is cut.
    let given = given.chars().take(MAX_BY_HAND).collect();
    Error::Name { what, given, reason }
}
