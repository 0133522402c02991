//! Settings that are written as text, in the environment and in a serialised configuration alike.

use std::{fmt, marker::PhantomData, time::Duration};

use serde::{
    Deserializer,
    de::{self, Unexpected, Visitor},
};

use crate::support::duration;

/// A value with one textual form.
pub(super) trait Text: Sized {
    /// What is accepted, in words for an error message.
    const EXPECTED: &'static str;

    /// Reads the value; `None` if the text is not one.
    fn from_text(text: &str) -> Option<Self>;
}

impl Text for Duration {
    const EXPECTED: &'static str = duration::EXPECTED;

    fn from_text(text: &str) -> Option<Self> {
        duration::parse_duration(text)
    }
}

impl Text for bool {
    const EXPECTED: &'static str = "`true`, `yes`, `on` or `1`, or `false`, `no`, `off` or `0`";

    fn from_text(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        }
    }
}

impl Text for u16 {
    const EXPECTED: &'static str = "a whole number from 0 to 65535";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Text for String {
    const EXPECTED: &'static str = "text";

    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

/// Reads a [`Text`], or a bare number where the format has numbers (`ttl = 300`).
pub(super) fn deserialize<'de, T: Text, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let visitor = TextVisitor(PhantomData);
    if deserializer.is_human_readable() {
        deserializer.deserialize_any(visitor)
    } else {
        deserializer.deserialize_str(visitor)
    }
}

struct TextVisitor<T>(PhantomData<T>);

impl<T: Text> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

/// A [`Duration`] field as text (`5m`).
pub(super) mod duration_text {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    pub(in crate::config) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&crate::support::duration::format_duration(*duration))
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        super::deserialize(deserializer)
    }
}
