//! Sizes as people write them: `64MiB`, `1GB`, `4096`.

use std::fmt;

use cache_syntax::{SIZE, parse_size};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::{self, Textual};

/// The units of sizes. A size is written in the largest unit that divides it evenly.
const BINARY: [(&str, usize); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// A number of bytes whose text carries a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) usize);

impl Textual for Bytes {
    const EXPECTED: &'static str = SIZE;

    fn from_text(text: &str) -> Option<Self> {
        usize::try_from(parse_size(text)?).ok().map(Bytes)
    }
}

/// A setting that is a `usize` is a number of bytes.
impl Textual for usize {
    const EXPECTED: &'static str = Bytes::EXPECTED;

    fn from_text(text: &str) -> Option<Self> {
        Bytes::from_text(text).map(|bytes| bytes.0)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match BINARY.into_iter().find(|(_, size)| self.0 > 0 && self.0.is_multiple_of(*size)) {
            Some((unit, size)) => write!(f, "{}{unit}", self.0 / size),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::deserialize(deserializer)
    }
}

/// A field of bytes as text (`64MiB`).
pub(super) mod bytes_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Bytes;

    pub(in crate::config) fn serialize<S: Serializer>(
        bytes: &usize,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Bytes(*bytes).serialize(serializer)
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<usize, D::Error> {
        Bytes::deserialize(deserializer).map(|bytes| bytes.0)
    }
}

/// An optional field of bytes as text.
pub(super) mod optional_bytes_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Bytes;

    pub(in crate::config) fn serialize<S: Serializer>(
        bytes: &Option<usize>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        bytes.map(Bytes).serialize(serializer)
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<usize>, D::Error> {
        let bytes = Option::<Bytes>::deserialize(deserializer)?;
        Ok(bytes.map(|bytes| bytes.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_largest_even_unit() {
        let table = [
            (0, "0"),
            (1000, "1000"),
            (1024, "1KiB"),
            (1 << 26, "64MiB"),
            ((1 << 26) + 1, "67108865"),
        ];
        for (bytes, text) in table {
            assert_eq!(Bytes(bytes).to_string(), text);
            assert_eq!(Bytes::from_text(text), Some(Bytes(bytes)));
        }
    }
}
