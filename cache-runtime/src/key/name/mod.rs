//! Readable names of entries, tags and prefixes.
//!
//! `video:meta:42` is an entry's name; `video` and `video:meta` are the prefixes it can be
//! invalidated by. Names are rendered from templates ([`Renderer`]) or written directly
//! ([`Name::direct`]).

mod beside;
mod check;
mod escape;
mod render;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use cache_syntax::prefixes;

use crate::error::Error;

pub(crate) use beside::{CLEARED, beside, name_of, name_of_tag, name_tag, token_end};
pub(crate) use check::{validate_name, validate_prefix, validate_tag};
pub(crate) use render::Rendered;
pub use render::{InTemplate, Renderer, escape, named};
pub(crate) use text::{MAX_LENGTH, MOST_TAGS, function_name, shorten};

/// The name of an entry, without the namespace.
///
/// A long name is stored under a shortened text, but its prefixes are those of the whole.
#[derive(Clone)]
pub(crate) struct Name {
    whole: String,
    shortened: Option<String>,
}

impl Name {
    /// Returns a name that the cache has made: from a template, or by [`function_name`].
    pub(crate) fn new(whole: impl Into<String>) -> Self {
        let whole = whole.into();
        let shortened = match shorten(&whole) {
            Cow::Borrowed(_) => None,
            Cow::Owned(text) => Some(text),
        };
        Self { whole, shortened }
    }

    /// Makes a name that is given to the direct API.
    ///
    /// # Errors
    /// [`Error::Name`] for a [fault](cache_syntax::name_fault).
    pub(crate) fn direct(name: &str) -> Result<Self, Error> {
        validate_name(name)?;
        Ok(Self::new(name))
    }

    /// Returns the text under which it is stored; at most 200 bytes.
    pub(crate) fn as_str(&self) -> &str {
        self.shortened.as_deref().unwrap_or(&self.whole)
    }

    /// Returns its own tags: its prefixes, shortened if they are long.
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
