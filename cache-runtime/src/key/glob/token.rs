//! A pattern in steps.

/// A step of a pattern, by the text that it matches.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// Any number of bytes; never two in a row.
    AnyText,
    AnyByte,
    Byte(u8),
    Set {
        inverted: bool,
        ranges: Vec<(u8, u8)>,
    },
}
