//! Texts in SQL.

use std::fmt::{self, Display};

use crate::exit::Failure;

/// PostgreSQL cuts longer names, and then they may name something else.
const MAX_BYTES: usize = 63;

/// The name of something in the database, in quotes.
#[derive(Clone, Copy)]
pub(super) struct Identifier<'a>(pub(super) &'a str);

impl Identifier<'_> {
    /// Refuses a name that PostgreSQL does not take as it is.
    pub(super) fn check(what: &str, name: &str) -> Result<(), Failure> {
        let fault = if name.is_empty() {
            "it is empty"
        } else if name.len() > MAX_BYTES {
            "PostgreSQL cuts names after 63 bytes"
        } else if name.contains(char::is_control) {
            "it contains a control character"
        } else {
            return Ok(());
        };
        Err(Failure::Usage(format!("the {what} {name:?} cannot be used: {fault}")))
    }
}

impl Display for Identifier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// A text as a constant, also where a backslash is special in one.
pub(super) struct Literal<'a>(pub(super) &'a str);

impl Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.replace('\'', "''");
        match text.contains('\\') {
            true => write!(f, "E'{}'", text.replace('\\', "\\\\")),
            false => write!(f, "'{text}'"),
        }
    }
}

/// Returns a text as a constant of several lines. Its marks are this name, with a number if the text contains them.
pub(super) fn dollar_quoted(name: &str, text: &str) -> String {
    let mut mark = format!("${name}$");
    let mut number = 0;
    while text.contains(&mark) {
        number += 1;
        mark = format!("${name}{number}$");
    }
    format!("{mark}\n{text}{mark}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_cannot_be_left() {
        assert_eq!(Identifier("a\"b").to_string(), r#""a""b""#);
        assert_eq!(Literal("it's").to_string(), "'it''s'");
        assert_eq!(Literal("a\\'b").to_string(), r"E'a\\''b'");
        assert_eq!(dollar_quoted("x", "a $x$ b\n"), "$x1$\na $x$ b\n$x1$");
        assert_eq!(dollar_quoted("x", "$x$ $x1$\n"), "$x2$\n$x$ $x1$\n$x2$");
    }

    #[test]
    fn a_name_that_would_be_cut_is_refused() {
        assert!(Identifier::check("table", &"x".repeat(63)).is_ok());
        for name in [&"x".repeat(64), "", "a\nb"] {
            assert!(Identifier::check("table", name).is_err(), "{name:?}");
        }
    }
}
