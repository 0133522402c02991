//! Rendering templates.

use std::fmt::{self, Display};
use std::ops::Deref;
use std::str;

use super::escape::{Text, append};

/// Puts a name together from the literal parts and the values of a template.
///
/// A short name needs no allocation.
#[derive(Default)]
pub struct Renderer {
    text: Text,
    failed: bool,
}

impl Renderer {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Appends a literal part of the template, as it is.
    #[inline]
    pub fn text(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    /// Appends the escaped text of a value.
    ///
    /// `stop` is the literal text that follows in the template, or empty; its first character is
    /// escaped in the value too, so that the end of the value is never in doubt.
    #[inline]
    pub fn value<T: InTemplate + ?Sized>(&mut self, value: &T, stop: &str) {
        self.failed |= append(&mut self.text, value, stop.chars().next()).is_err();
    }

    /// The whole text; `None` if the `Display` of a value failed.
    #[inline]
    pub(crate) fn finish(self) -> Option<Rendered> {
        let Self { text, failed } = self;
        (!failed).then_some(Rendered(text))
    }
}

/// What can stand in a template: all that is `Display`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in a template, since it does not implement `Display`",
    label = "a placeholder in here is a `{Self}`",
    note = "name a field that is `Display`, as in `{{user.id}}`; in the place of a `key` template an expression may be written: `key = (a, b)`, or `key = format!(\"{{x:?}}\")`"
)]
pub trait InTemplate: Display {}

impl<T: Display + ?Sized> InTemplate for T {}

impl fmt::Debug for Renderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, failed } = self;
        let text = String::from_utf8_lossy(text);
        f.debug_struct("Renderer").field("text", &text).field("failed", failed).finish()
    }
}

/// A rendered text; its bytes are a key.
pub(crate) struct Rendered(Text);

impl Rendered {
    pub(crate) fn as_str(&self) -> &str {
        // Only whole texts are ever appended, so this is UTF-8.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Deref for Rendered {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
