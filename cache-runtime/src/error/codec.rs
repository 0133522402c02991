//! The error of a codec.

use std::fmt;

/// The error of encoding or decoding a value.
#[derive(Debug)]
pub struct CodecError {
    message: Box<str>,
}

impl CodecError {
    /// Creates an error with the text of `message`.
    #[cold]
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string().into() }
    }

    #[cold]
    pub(crate) fn trailing(count: usize) -> Self {
        Self::new(format_args!("{count} bytes follow the value"))
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CodecError {}
