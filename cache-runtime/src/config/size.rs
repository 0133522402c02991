//! Sizes as people write them: `64MiB`, `1GB`, `4096`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::{self, Textual};

/// The units of sizes. A size is written in the largest unit that divides it evenly.
const BINARY: [(&str, usize); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// A number of bytes whose text carries a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) usize);

impl Textual for Bytes {
    const EXPECTED: &'static str = "a number of bytes such as `4096`, `64KiB`, `64MiB` or `1GB` (KB, MB, GB are powers of 1000)";

    fn from_text(text: &str) -> Option<Self> {
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let count: usize = text[..text.len() - unit.len()].parse().ok()?;
        count.checked_mul(unit_size(unit.trim())?).map(Bytes)
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

fn unit_size(unit: &str) -> Option<usize> {
    match unit.to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "kb" => Some(1_000),
        "mb" => Some(1_000_000),
        "gb" => Some(1_000_000_000),
        "kib" => Some(1 << 10),
        "mib" => Some(1 << 20),
        "gib" => Some(1 << 30),
        _ => None,
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
    fn reads_bytes_with_and_without_a_unit() {
        let table = [
            ("0", 0),
            ("4096", 4096),
            ("4096B", 4096),
            ("64KiB", 65_536),
            ("64 MiB", 67_108_864),
            ("1GB", 1_000_000_000),
            ("1gib", 1_073_741_824),
        ];
        for (text, bytes) in table {
            assert_eq!(Bytes::from_text(text), Some(Bytes(bytes)), "{text:?}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            "MiB",
            "-1",
            "1.5GB",
            "64M",
            "1TB x",
            "99999999999999999999",
            "18446744073709551615KB",
        ] {
            assert_eq!(Bytes::from_text(text), None, "{text:?}");
        }
    }

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
