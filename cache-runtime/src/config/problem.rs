//! A setting that cannot be used.

use crate::error::Error;

/// A setting that cannot be used, its value, and the accepted ones.
pub(super) struct Problem {
    field: &'static str,
    value: String,
    expected: String,
}

impl Problem {
    /// Makes an error of it, with the setting named as its user does.
    pub(super) fn named(self, name: impl FnOnce(&'static str) -> &'static str) -> Error {
        let Problem { field, value, expected } = self;
        Error::Config { setting: name(field).to_owned(), value, expected, source: None }
    }
}

pub(super) fn problem<T>(
    field: &'static str,
    value: impl ToString,
    expected: impl Into<String>,
) -> Result<T, Problem> {
    Err(Problem { field, value: value.to_string(), expected: expected.into() })
}
