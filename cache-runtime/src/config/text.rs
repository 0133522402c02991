//! Settings that are written as text, in the environment and in a serialised configuration alike.

use std::{fmt, marker::PhantomData, path::PathBuf, time::Duration};

use cache_syntax::{BOOLEAN, DURATION, format_duration, parse_boolean, parse_duration};
use serde::{
    Deserializer,
    de::{self, Unexpected, Visitor},
};

/// A value with one textual form.
pub(super) trait Textual: Sized {
    /// The accepted values, for an error message.
    const EXPECTED: &'static str;

    /// Reads the value; `None` if the text is not one.
    fn from_text(text: &str) -> Option<Self>;
}

impl Textual for Duration {
    const EXPECTED: &'static str = DURATION;

    fn from_text(text: &str) -> Option<Self> {
        parse_duration(text).ok()
    }
}

impl Textual for bool {
    const EXPECTED: &'static str = BOOLEAN;

    fn from_text(text: &str) -> Option<Self> {
        parse_boolean(text)
    }
}

impl Textual for u16 {
    const EXPECTED: &'static str = "a whole number from 0 to 65535";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Textual for String {
    const EXPECTED: &'static str = "text";

    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Textual for PathBuf {
    const EXPECTED: &'static str = "a path";

    fn from_text(text: &str) -> Option<Self> {
        Some(text.into())
    }
}

impl<T: Textual> Textual for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn from_text(text: &str) -> Option<Self> {
        T::from_text(text).map(Some)
    }
}

/// Writes any duration for an error message. Below a millisecond, [`format_duration`] would write an accepted
/// one.
pub(super) fn show_duration(duration: Duration) -> String {
    if duration < Duration::from_millis(1) && !duration.is_zero() {
        format!("{duration:?}")
    } else {
        format_duration(duration)
    }
}

/// Reads a [`Textual`], or a bare number where the format has numbers (`ttl = 300`).
pub(super) fn deserialize<'de, T: Textual, D: Deserializer<'de>>(
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

impl<T: Textual> Visitor<'_> for TextVisitor<T> {
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
        serializer.serialize_str(&super::format_duration(*duration))
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        super::deserialize(deserializer)
    }
}

/// The same for a duration that may be absent.
pub(super) mod optional_duration_text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// A duration as text.
    #[derive(Deserialize, Serialize)]
    struct DurationText(#[serde(with = "super::duration_text")] Duration);

    pub(in crate::config) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        duration.map(DurationText).serialize(serializer)
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let duration = Option::<DurationText>::deserialize(deserializer)?;
        Ok(duration.map(|duration| duration.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_that_is_too_short_is_shown_as_it_is() {
        assert_eq!(show_duration(Duration::from_micros(999)), "999µs");
        assert_eq!(show_duration(Duration::ZERO), "0s");
        assert_eq!(show_duration(Duration::from_secs(60)), "1m");
    }
}
