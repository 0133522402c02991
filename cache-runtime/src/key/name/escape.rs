//! Escaping values inside names, so that no value can be mistaken for the text around it.

use std::fmt::{self, Display, Write as _};

use smallvec::SmallVec;

/// A name while it is rendered; a short one is on the stack.
pub(super) type NameBuffer = SmallVec<[u8; 128]>;

/// Appends the escaped text of `value`, in which `stop` does not occur outside of an escape.
///
/// # Errors
/// If the `Display` of the value fails.
pub(super) fn append<T: Display + ?Sized>(
    text: &mut NameBuffer,
    value: &T,
    stop: Option<char>,
) -> fmt::Result {
    let start = text.len();
    // If a `%` follows the value, `%` cannot introduce its escapes. `^` is never a character of an escaped
    // value.
    let mark = if stop == Some('%') { b'^' } else { b'%' };
    write!(Escaping { text, stop, mark }, "{value}")?;
    if text.len() == start {
        text.extend_from_slice(&[mark, b'-']);
    }
    Ok(())
}

/// Escapes the text that is written to it.
struct Escaping<'a> {
    text: &'a mut NameBuffer,
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
