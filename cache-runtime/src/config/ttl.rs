//! The time for which a value is fresh.

use std::{fmt, str::FromStr, time::Duration};

use cache_syntax::{FOREVER, MAX_TTL, MIN_TTL, parse_duration, ttl_fault};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::text::{self, Textual, show_duration};
use crate::error::Error;

/// The time for which a value is fresh: a duration, or until it is invalidated.
///
/// As text it is `5m`, `1h30m`, a bare number of seconds, or `forever`.
///
/// ```
/// use std::time::Duration;
/// use cache_runtime::Ttl;
///
/// let ttl: Ttl = "1h30m".parse()?;
/// assert_eq!(ttl, Ttl::For(Duration::from_secs(5400)));
/// assert_eq!("forever".parse::<Ttl>()?, Ttl::Forever);
/// assert!("0s".parse::<Ttl>().is_err());
/// # Ok::<(), cache_runtime::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ttl {
    /// Fresh for this long, from [`Ttl::MIN`] to [`Ttl::MAX`].
    For(Duration),
    /// Fresh until invalidated.
    Forever,
}

impl Ttl {
    /// The shortest TTL, one millisecond: the resolution of Redis.
    pub const MIN: Duration = MIN_TTL;

    /// The longest TTL with a duration, 100 years of 365 days. Use [`Forever`](Ttl::Forever) for longer
    /// times.
    pub const MAX: Duration = MAX_TTL;

    /// Returns the duration, or `None` for [`Forever`](Ttl::Forever).
    pub fn duration(self) -> Option<Duration> {
        match self {
            Ttl::For(duration) => Some(duration),
            Ttl::Forever => None,
        }
    }

    /// Returns an error if the time is out of range; `option` names the option that the time was given to.
    pub(crate) fn check(self, option: &'static str) -> Result<Ttl, Error> {
        match self.out_of_range() {
            None => Ok(self),
            Some(expected) => Err(Error::Duration { option, given: self.to_string(), expected }),
        }
    }

    /// Returns the accepted times if this one is out of range.
    pub(super) fn out_of_range(self) -> Option<&'static str> {
        self.duration().and_then(ttl_fault)
    }
}

impl From<Duration> for Ttl {
    fn from(duration: Duration) -> Self {
        Ttl::For(duration)
    }
}

impl FromStr for Ttl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let expected = Ttl::EXPECTED;
        Ttl::from_text(text)
            .ok_or_else(|| Error::Duration { option: "ttl", given: text.to_owned(), expected })?
            .check("ttl")
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ttl::For(duration) => f.write_str(&show_duration(*duration)),
            Ttl::Forever => f.write_str(FOREVER),
        }
    }
}

impl Textual for Ttl {
    const EXPECTED: &'static str = "a duration such as `250ms`, `5m` or `1h30m` (units ms, s, m, h, d, w; a bare number is seconds), or `forever`";

    /// Accepts a time that is out of range, so that the error can name the range.
    fn from_text(text: &str) -> Option<Self> {
        match text {
            FOREVER => Some(Ttl::Forever),
            text => parse_duration(text).ok().map(Ttl::For),
        }
    }
}

impl Serialize for Ttl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ttl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::deserialize::<Ttl, D>(deserializer)?.check("ttl").map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<Ttl>().unwrap_err().to_string()
    }

    #[test]
    fn no_text_means_no_expiry_by_accident() {
        assert!(refusal("0").contains("at least 1ms"));
        assert!(refusal("0ms").contains("at least 1ms"));
        assert!(refusal("101w 36500d").contains("`forever`"));
        assert!(refusal("-1").contains("a duration such as"));
        assert!(refusal("").contains("a duration such as"));
        assert!(refusal("Forever").contains("or `forever`"));
    }

    #[test]
    fn the_bounds_themselves_are_accepted() {
        assert_eq!("1ms".parse::<Ttl>().unwrap(), Ttl::For(Ttl::MIN));
        assert_eq!("36500d".parse::<Ttl>().unwrap(), Ttl::For(Ttl::MAX));
    }

    #[test]
    fn durations_made_in_code_are_checked_as_well() {
        assert!(Ttl::from(Duration::ZERO).check("ttl").is_err());
        assert!(Ttl::from(Duration::MAX).check("ttl").is_err());
        let error = Ttl::from(Duration::from_micros(5)).check("negative_ttl").unwrap_err();
        assert!(error.to_string().starts_with("negative_ttl is 5µs; expected at least 1ms"));
    }

    #[test]
    fn serde_writes_text_and_reads_text_or_seconds() {
        let json =
            serde_json::to_string(&[Ttl::For(Duration::from_secs(300)), Ttl::Forever]).unwrap();
        assert_eq!(json, r#"["5m","forever"]"#);
        let read: Vec<Ttl> = serde_json::from_str(r#"["5m", 300, "forever"]"#).unwrap();
        assert_eq!(
            read,
            [Ttl::For(Duration::from_secs(300)), Ttl::For(Duration::from_secs(300)), Ttl::Forever]
        );
        assert!(serde_json::from_str::<Ttl>("0").is_err());
        assert!(serde_json::from_str::<Ttl>("-3").is_err());
    }
}
