//! What names, prefixes and tags written by people may look like.
//!
//! These rules are for text that a person has written. Text that a template renders fulfils them by
//! its construction, but for its length, which the cache shortens on every side alike.

use std::borrow::Cow;

use super::text::{MAX_PREFIXES, shorten};
use crate::error::Error;

/// The longest text taken, in bytes.
const MAX_GIVEN: usize = 4096;

/// The characters that make a text a pattern.
const PATTERN: [char; 3] = ['*', '?', '['];

/// The tag of a prefix to invalidate by.
///
/// # Errors
/// [`Error::Name`] if it is no [prefix](prefix_fault), has more than six segments, is longer than
/// 4 KiB, holds a control character, or begins or ends with white space.
pub(crate) fn validate_prefix(prefix: &str) -> Result<Cow<'_, str>, Error> {
    text("prefix", prefix)?;
    if let Some(fault) = prefix_fault(prefix) {
        return Err(refused("prefix", prefix, fault));
    }
    if prefix.split(':').count() > MAX_PREFIXES {
        return Err(refused(
            "prefix",
            prefix,
            "only the first 6 segments of a name are prefixes; for more, use `clear(pattern)`",
        ));
    }
    Ok(shorten(prefix))
}

/// The text a tag is stored under.
///
/// # Errors
/// [`Error::Name`] if it is empty, begins with `#`, is longer than 4 KiB, holds a control character
/// or a pattern, or begins or ends with white space.
pub(crate) fn validate_tag(tag: &str) -> Result<Cow<'_, str>, Error> {
    text("tag", tag)?;
    if tag.contains(PATTERN) {
        return Err(refused(
            "tag",
            tag,
            "it contains a pattern (`*`, `?` or `[`), but a tag is matched as a whole: use `clear` for \
             patterns, and `cache_runtime::escape` for values in a tag",
        ));
    }
    Ok(shorten(tag))
}

/// What is wrong with a prefix: the one rule for `key_prefix`, the prefixes of the configuration,
/// and those that are invalidated.
pub(crate) const fn prefix_fault(prefix: &str) -> Option<&'static str> {
    let bytes = prefix.as_bytes();
    let [first, .., last] = bytes else {
        return match bytes {
            [] => Some("it is empty"),
            [b':'] => Some(EMPTY_SEGMENT),
            [b'#'] => Some(RESERVED),
            [b'*' | b'?' | b'['] => Some(PREFIX_PATTERN),
            _ => None,
        };
    };
    if *first == b'#' {
        return Some(RESERVED);
    }
    let mut i = 0;
    while i < bytes.len() {
        if matches!(bytes[i], b'*' | b'?' | b'[') {
            return Some(PREFIX_PATTERN);
        }
        if bytes[i] == b':' && (i == 0 || bytes[i - 1] == b':') {
            return Some(EMPTY_SEGMENT);
        }
        i += 1;
    }
    if *last == b':' { Some("it ends with `:`; leave that out") } else { None }
}

const RESERVED: &str = "text that begins with `#` is reserved for the cache's own data";
const EMPTY_SEGMENT: &str = "it has an empty segment: write one `:` between two segments";
const PREFIX_PATTERN: &str = "it contains a pattern (`*`, `?` or `[`), but a prefix covers everything \
                              below it anyway (`video` instead of `video:*`): use `clear` for patterns, \
                              and `cache_runtime::escape` for values in a prefix";

/// What holds for every text a person gives.
pub(super) fn text(what: &'static str, given: &str) -> Result<(), Error> {
    text_fault(given).map_or(Ok(()), |fault| Err(refused(what, given, fault)))
}

/// What is wrong with a text.
pub(crate) fn text_fault(given: &str) -> Option<&'static str> {
    if given.is_empty() {
        Some("it is empty")
    } else if given.starts_with('#') {
        Some(RESERVED)
    } else if given.len() > MAX_GIVEN {
        Some("it is longer than 4096 bytes")
    } else if given.chars().any(char::is_control) {
        Some("it contains a control character; use `cache_runtime::escape` for values")
    } else if given.starts_with(char::is_whitespace) || given.ends_with(char::is_whitespace) {
        Some("it begins or ends with white space; use `cache_runtime::escape` for values")
    } else {
        None
    }
}

fn refused(what: &'static str, given: &str, reason: &'static str) -> Error {
    // An error is for reading: a megabyte given by mistake is cut.
    let given = given.chars().take(MAX_GIVEN).collect();
    Error::Name { what, given, reason }
}
