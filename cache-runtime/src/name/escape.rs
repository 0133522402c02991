//! Values inside names: whatever they contain, they cannot be taken for the text around them.

use std::fmt::{self, Display, Write as _};

use smallvec::SmallVec;

use super::render::named;

/// A name while it is rendered; on the stack while it is short.
pub(super) type Text = SmallVec<[u8; 128]>;

/// The text of a value, made safe for use inside a name.
///
/// `:` (which separates segments), `%`, braces, the characters that mean something in a pattern
/// (`*`, `?`, `[`, `]`, `^`, `\`), `#`, `~`, control characters and white space become `%` and two
/// hexadecimal digits for each byte of UTF-8. An empty text becomes `%-`. Distinct texts stay
/// distinct.
///
/// Templates in `#[cached]` and `#[cache_invalidate]` do this by themselves; use it for names
/// written by hand.
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

/// Appends the escaped text of `value`, in which `stop` does not occur outside of an escape.
///
/// # Errors
/// When the `Display` of the value fails.
pub(super) fn append<T: Display + ?Sized>(
    text: &mut Text,
    value: &T,
    stop: Option<char>,
) -> fmt::Result {
    let start = text.len();
    // Where a `%` follows the value, `%` cannot introduce its escapes as well. `^` never stands for
    // itself in a value.
    let mark = if stop == Some('%') { b'^' } else { b'%' };
    write!(Escaping { text, stop, mark }, "{value}")?;
    if text.len() == start {
        text.extend_from_slice(&[mark, b'-']);
    }
    Ok(())
}

/// Escapes what is written to it.
struct Escaping<'a> {
    text: &'a mut Text,
    stop: Option<char>,
    mark: u8,
}

impl Escaping<'_> {
    fn must_escape(&self, char: char) -> bool {
        Some(char) == self.stop
            || matches!(
                char,
                ':' | '%' | '{' | '}' | '*' | '?' | '[' | ']' | '^' | '\\' | '#' | '~'
            )
            || char.is_control()
            || char.is_whitespace()
    }

    fn push_escaped(&mut self, char: char) {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        for byte in char.encode_utf8(&mut [0; 4]).bytes() {
            let [high, low] = [byte >> 4, byte & 15].map(|half| DIGITS[usize::from(half)]);
            self.text.extend_from_slice(&[self.mark, high, low]);
        }
    }
}

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, char)) = rest.char_indices().find(|(_, char)| self.must_escape(*char)) {
            self.text.extend_from_slice(&rest.as_bytes()[..at]);
            self.push_escaped(char);
            rest = &rest[at + char.len_utf8()..];
        }
        self.text.extend_from_slice(rest.as_bytes());
        Ok(())
    }
}
