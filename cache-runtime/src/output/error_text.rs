//! The text of a user's error, for the log: its `Display`, or else its `Debug`.

use std::fmt::{self, Debug, Display, Write as _};

use crate::output::{Probe, SharedErrors, type_alone};
use crate::support::panics::unless_panicking;

/// The maximum number of bytes of an error's text in the log.
const LONGEST: usize = 512;

/// Returns the text of an error.
#[allow(missing_debug_implementations, reason = "only generated code has one, for a moment")]
pub struct ErrorText<E>(fn(&E) -> String);

/// Returns the same way of sharing, with the text for the log.
pub fn named_errors<E>(errors: SharedErrors<E>, text: ErrorText<E>) -> SharedErrors<E> {
    SharedErrors { text: text.0, ..errors }
}

/// Taken by method look-up where an error has `Display`.
pub trait ProbeErrorDisplay<E> {
    /// Returns the function that formats the error.
    fn __cache_error_text(&self) -> ErrorText<E>;
}

impl<T, E: Display> ProbeErrorDisplay<E> for &Probe<Result<T, E>> {
    fn __cache_error_text(&self) -> ErrorText<E> {
        ErrorText(|error| text(format_args!("{error}")))
    }
}

/// Taken by method look-up where it has `Debug` alone.
pub trait ProbeErrorDebug<E> {
    /// Returns the function that formats the error.
    fn __cache_error_text(&self) -> ErrorText<E>;
}

impl<T, E: Debug> ProbeErrorDebug<E> for &&Probe<Result<T, E>> {
    fn __cache_error_text(&self) -> ErrorText<E> {
        ErrorText(|error| text(format_args!("{error:?}")))
    }
}

/// Taken by method look-up where the error has neither, and for types that are no `Result`.
pub trait ProbeNoErrorText {
    /// Returns the function that formats the error.
    fn __cache_error_text<E>(&self) -> ErrorText<E>;
}

impl<R> ProbeNoErrorText for Probe<R> {
    fn __cache_error_text<E>(&self) -> ErrorText<E> {
        ErrorText(type_alone)
    }
}

/// Returns the beginning of the text. The code of the user makes it, and may fail or panic.
fn text(written: fmt::Arguments<'_>) -> String {
    let written = unless_panicking(|| {
        let mut beginning = Beginning(String::new());
        _ = beginning.write_fmt(written);
        beginning.0
    });
    written.unwrap_or_else(|| "its text cannot be made: that panics".to_owned())
}

/// A text that accepts no more than [`LONGEST`] bytes.
struct Beginning(String);

impl fmt::Write for Beginning {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = LONGEST - self.0.len();
        if part.len() <= room {
            self.0.push_str(part);
            return Ok(());
        }
        let end = (0..=room).rev().find(|end| part.is_char_boundary(*end)).unwrap_or(0);
        self.0.push_str(&part[..end]);
        // The error ends the formatting, so the rest of the text is dropped.
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::needless_borrow, reason = "as generated code asks: look-up begins at `&&`")]
    use super::*;

    struct Bare;

    #[derive(Debug)]
    struct Printed;

    #[derive(Debug)]
    struct Panics;

    impl Display for Panics {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            std::panic::resume_unwind(Box::new(()))
        }
    }

    macro_rules! text_of {
        ($error:expr, $ty:ty) => {{
            let text: ErrorText<$ty> = (&&Probe::<Result<u8, $ty>>::new()).__cache_error_text();
            (text.0)(&$error)
        }};
    }

    #[test]
    fn an_error_is_named_by_what_its_type_has() {
        assert_eq!(text_of!("no such row".to_owned(), String), "no such row");
        assert_eq!(text_of!(Printed, Printed), "Printed");
        assert!(text_of!(Bare, Bare).ends_with("error_text::tests::Bare"));
        assert!(text_of!(Panics, Panics).contains("panics"));
    }

    #[test]
    fn a_long_text_is_cut() {
        let text = text_of!("ä".repeat(1 << 20), String);
        assert_eq!(text, "ä".repeat(LONGEST / 2));
    }
}
