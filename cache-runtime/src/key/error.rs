//! The error of an argument that cannot be part of a key.

use std::fmt;

/// An argument cannot become part of a key: its `Serialize` failed, for the reason given.
pub struct KeyError {
    // The text is empty if a comparison has found a difference; such an error never leaves this module. (One
    // pointer and a length keep `Result<(), KeyError>` in two registers.)
    message: Box<str>,
}

impl KeyError {
    #[inline]
    pub(super) fn differs() -> Self {
        Self { message: Box::default() }
    }
}

impl fmt::Debug for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message } = self;
        f.debug_tuple("KeyError").field(message).finish()
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for KeyError {}

impl serde::ser::Error for KeyError {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string().into() }
    }
}
