//! Names people can read: of entries, tags and prefixes.
//!
//! `video:meta:42` is an entry's name; `video` and `video:meta` are the prefixes it can be
//! invalidated by. Names are rendered from templates ([`Renderer`]) or written by hand
//! ([`Name::by_hand`]).

mod beside;
mod check;
mod escape;
mod render;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::error::Error;

pub(crate) use beside::{beside, is_name_tag, name_of, name_tag, token_end};
pub(crate) use check::{prefix_fault, text_fault, validate_prefix, validate_tag};
pub use escape::escape;
pub(crate) use render::Rendered;
pub use render::{InTemplate, Renderer, named};

/// A name has tags for this many of its prefixes, the shortest first.
pub(crate) const MAX_PREFIXES: usize = 6;

/// Names and tags longer than this are shortened to a beginning and a digest.
pub(crate) const MAX_LENGTH: usize = 200;
/// How much of the beginning a shortened name keeps.
const KEPT: usize = 150;

/// The name of an entry, without the namespace.
///
/// A long name is stored under a shortened text, but its prefixes are those of the whole.
#[derive(Clone)]
pub(crate) struct Name {
    whole: Arc<str>,
    shortened: Option<Arc<str>>,
}

impl Name {
    /// A name made by the cache itself: from a template, or by [`function_name`].
    pub(crate) fn new(whole: &str) -> Self {
        let shortened = match shorten(whole) {
            Cow::Borrowed(_) => None,
            Cow::Owned(text) => Some(text.into()),
        };
        Self { whole: whole.into(), shortened }
    }

    /// A name a person gave.
    ///
    /// # Errors
    /// [`Error::Name`] if it is empty, begins with `#`, is longer than 4 KiB, holds a control
    /// character, or begins or ends with white space.
    pub(crate) fn by_hand(name: &str) -> Result<Self, Error> {
        check::text("name", name)?;
        Ok(Self::new(name))
    }

    /// The text it is stored under; at most 200 bytes.
    pub(crate) fn as_str(&self) -> &str {
        self.shortened.as_deref().unwrap_or(&self.whole)
    }

    /// The tags that it has of its own: its prefixes, shortened where they are long.
    pub(crate) fn tags(&self) -> impl Iterator<Item = Cow<'_, str>> {
        prefixes(&self.whole).map(shorten)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The proper prefixes of a name, cut at each `:`, shortest first.
pub(crate) fn prefixes(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices(':')
        .take(MAX_PREFIXES)
        .map(|(end, _)| &name[..end])
        .filter(|prefix| !prefix.is_empty())
}

/// `prefix:function:` and the hash in hexadecimal digits.
pub(crate) fn function_name(head: &str, hash: &[u8; 20]) -> String {
    let mut name = String::with_capacity(head.len() + 2 * hash.len());
    name.push_str(head);
    push_hex(&mut name, hash);
    name
}

/// The text that stands for a name or tag in Redis: itself, or if that is long its beginning and a
/// digest of the whole.
pub(crate) fn shorten(whole: &str) -> Cow<'_, str> {
    if whole.len() <= MAX_LENGTH {
        return Cow::Borrowed(whole);
    }
    let mut digest = [0; 20];
    digest.copy_from_slice(&hmac_sha256::Hash::hash(whole.as_bytes())[..20]);
    let mut kept = KEPT;
    while !whole.is_char_boundary(kept) {
        kept -= 1;
    }
    let mut short = whole[..kept].to_owned();
    short.push('~');
    push_hex(&mut short, &digest);
    Cow::Owned(short)
}

fn push_hex(text: &mut String, bytes: &[u8; 20]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [0; 40];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0xF)];
    }
    // Nothing else can be in it.
    text.push_str(std::str::from_utf8(&hex).unwrap_or_default());
}
