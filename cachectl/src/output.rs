//! Prints text for people, or JSON.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _, stdout};

use serde::Serialize;
use serde_json::json;

pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Output { json }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Returns true if the output goes to a terminal, as text.
    pub(crate) fn is_live(&self) -> bool {
        !self.json && stdout().is_terminal()
    }

    /// Prints one answer: the value as a line of JSON, or the text.
    pub(crate) fn answer(&mut self, value: &impl Serialize, text: impl Display) -> io::Result<()> {
        if !self.json {
            return self.line(text);
        }
        // Control characters occur only within the strings of JSON, so they can be escaped in the whole text.
        let json = serde_json::to_string(value)?;
        writeln!(stdout().lock(), "{}", escaped(&json, steers, json_escape))
    }

    /// Prints text for another program, as it is, or a line of JSON with it.
    pub(crate) fn verbatim(&mut self, name: &str, text: &str) -> io::Result<()> {
        match self.json {
            true => self.answer(&json!({ name: text }), ""),
            false => writeln!(stdout().lock(), "{}", text.trim_end()),
        }
    }

    /// Prints text of one or more lines.
    pub(crate) fn line(&mut self, text: impl Display) -> io::Result<()> {
        writeln!(stdout().lock(), "{}", lines(&text.to_string()))
    }
}

/// Returns foreign text for use in a line. Control characters for the terminal are escaped, as in Rust.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, steers, |c| c.escape_default().to_string())
}

/// Does the same for text of several lines.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && steers(c), |c| c.escape_default().to_string())
}

/// Returns true for a character that moves the cursor, changes colours, or reorders or hides neighbours.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn json_escape(c: char) -> String {
    format!("\\u{:04x}", u32::from(c))
}

fn escaped(text: &str, special: fn(char) -> bool, escape: fn(char) -> String) -> Cow<'_, str> {
    if !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let part = |c| if special(c) { escape(c) } else { String::from(c) };
    Cow::Owned(text.chars().map(part).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        assert_eq!(printable("a\u{1b}[31mb\nc\rd"), "a\\u{1b}[31mb\\nc\\rd");
        assert_eq!(printable("\u{9b}2J\u{7f}\u{202e}x"), "\\u{9b}2J\\u{7f}\\u{202e}x");
        assert_eq!(printable("müde:日本 \\ ok"), "müde:日本 \\ ok");
        assert_eq!(lines("a\nb\u{7}"), "a\nb\\u{7}");
    }

    #[test]
    fn json_stays_json() {
        let text = "a\u{9b}\u{1b}\n\u{202e}\u{7f}";
        let json = escaped(&serde_json::json!(text).to_string(), steers, json_escape).into_owned();
        assert!(json.chars().all(|c| c.is_ascii_graphic()), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).ok().as_deref(), Some(text));
    }
}
