//! The sizes of the values.

use std::fmt;

use serde::Serialize;

/// The size of a value, and how many values of that size there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Size {
    /// The size of a value in bytes.
    pub bytes: usize,
    /// The number of values.
    pub keys: u64,
}

/// A row of a database.
pub const SMALL: Size = Size { bytes: 100, keys: 20_000 };
/// A page of a list.
pub const MIDDLE: Size = Size { bytes: 1_024, keys: 20_000 };
/// A document.
pub const LARGE: Size = Size { bytes: 64 * 1_024, keys: 1_000 };

/// The sizes that are measured.
pub const SIZES: [Size; 3] = [SMALL, MIDDLE, LARGE];

impl Size {
    /// Returns a value of this size.
    pub fn value(self) -> String {
        let mut value = "0123456789".repeat(self.bytes.div_ceil(10));
        value.truncate(self.bytes);
        value
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes {
            bytes if bytes % 1_024 == 0 => write!(f, "{} KiB", bytes / 1_024),
            bytes => write!(f, "{bytes} B"),
        }
    }
}
