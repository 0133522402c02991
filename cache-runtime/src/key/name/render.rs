//! Renders templates.

use std::fmt::{self, Display};
use std::ops::Deref;
use std::str;

use super::escape::{NameBuffer, append};
use crate::support::panics::unless_panicking;

/// Builds a name from the literal parts and the values of a template.
///
/// A short name needs no allocation.
#[derive(Default)]
pub struct Renderer {
    text: NameBuffer,
    /// The length of the text when the `Display` of a value failed.
    failed: Option<usize>,
}

impl Renderer {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Returns the text that `render` makes. If the `Display` of a value fails or panics, the error is the
    /// text before that value.
    #[allow(
        clippy::result_large_err,
        reason = "both are the text on the stack; a box would allocate"
    )]
    pub(crate) fn run(render: impl FnOnce(&mut Renderer)) -> Result<Rendered, Rendered> {
        let mut renderer = Renderer::new();
        if unless_panicking(|| render(&mut renderer)).is_none() {
            renderer.failed.get_or_insert(renderer.text.len());
        }
        renderer.whole()
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
        let before = self.text.len();
        if append(&mut self.text, value, stop.chars().next()).is_err() {
            self.failed.get_or_insert(before);
        }
    }

    /// Appends a part that was rendered before; `None` if the `Display` of a value in it failed.
    pub fn rendered(&mut self, part: Option<&str>) {
        match part {
            Some(part) => self.text(part),
            None => _ = self.failed.get_or_insert(self.text.len()),
        }
    }

    /// Returns the whole text; `None` if the `Display` of a value failed.
    #[inline]
    pub(crate) fn finish(self) -> Option<Rendered> {
        self.whole().ok()
    }

    /// Returns the whole text, or the text before the first value whose `Display` failed.
    #[inline]
    #[allow(
        clippy::result_large_err,
        reason = "both are the text on the stack; a box would allocate"
    )]
    pub(crate) fn whole(self) -> Result<Rendered, Rendered> {
        let Self { mut text, failed } = self;
        match failed {
            None => Ok(Rendered(text)),
            Some(before) => {
                text.truncate(before);
                Err(Rendered(text))
            }
        }
    }
}

/// Escapes the text of a value for use inside a name.
///
/// `:` (which separates segments), `%`, braces, the special characters of patterns
/// (`*`, `?`, `[`, `]`, `^`, `\`), `#`, `~`, control characters and white space become `%` and two
/// hexadecimal digits for each byte of UTF-8. An empty text becomes `%-`. Distinct texts stay
/// distinct.
///
/// Templates in `#[cached]` and `#[cache_invalidate]` escape by themselves; use this function for names
/// in the direct API.
///
/// In a template the character that follows a placeholder is escaped in its value, too: `a-b` in
/// `"{id}-draft"` is `a%2Db-draft`. So this function gives the text of a template only where a
/// placeholder is a whole segment, or the end of one. The macro [`name!`](macro@crate::name) gives
/// it for every template.
///
/// ```
/// let name = format!("user:{}", cache_runtime::escape("a:b c"));
/// assert_eq!(name, "user:a%3Ab%20c");
/// let user = "a:b c";
/// assert_eq!(name, cache_runtime::name!("user:{user}"));
/// ```
///
/// # Panics
/// If the `Display` of the value fails, as `to_string` does.
pub fn escape(value: impl Display) -> String {
    named(|renderer| renderer.value(&value, ""))
}

/// Returns the rendered text, for [`name!`](macro@crate::name).
///
/// # Panics
/// If the `Display` of a value fails, as `to_string` does.
#[allow(clippy::panic, reason = "documented, and what `to_string` does")]
pub fn named(render: impl FnOnce(&mut Renderer)) -> String {
    let mut renderer = Renderer::new();
    render(&mut renderer);
    match renderer.finish() {
        Some(text) => text.as_str().to_owned(),
        None => panic!("a Display implementation returned an error"),
    }
}

/// A value in a template: every `Display` type.
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
pub(crate) struct Rendered(NameBuffer);

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
