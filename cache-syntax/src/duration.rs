//! Durations as text: `250ms`, `90`, `1h30m`.

use std::time::Duration;

/// The input that [`parse_duration`] accepts, for error messages.
pub const DURATION: &str = "a duration such as `250ms`, `5m` or `1h30m` (units ms, s, m, h, d, w; a bare number is seconds)";

/// The word for a TTL without an end.
pub const FOREVER: &str = "forever";

/// The shortest TTL, 1 ms: the resolution of Redis.
pub const MIN_TTL: Duration = Duration::from_millis(1);

/// The longest TTL with an end, 100 years of 365 days.
pub const MAX_TTL: Duration = Duration::from_secs(100 * 365 * 86_400);

/// The units in milliseconds, the longest first.
const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads `1h30m`, `1h 30m`, or a bare number of seconds.
///
/// ```
/// use std::time::Duration;
/// use cache_syntax::parse_duration;
///
/// assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5_400)));
/// assert_eq!(parse_duration("90"), Ok(Duration::from_secs(90)));
/// let refused = parse_duration("5min").unwrap_err();
/// assert_eq!(refused, "`min` is not a unit: did you mean `m`?");
/// ```
///
/// # Errors
/// Returns what is wrong with the text, and what is accepted. Zero is a duration; [`ttl_fault`] refuses it.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    if text.is_empty() {
        return Err("it is empty: write it like \"1h30m\"".to_owned());
    }
    if text.ends_with(char::is_whitespace) || text.starts_with(char::is_whitespace) {
        return Err("it begins or ends with white space: write it like \"1h30m\"".to_owned());
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return number(text).map(Duration::from_secs);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (part, after) = component(rest)?;
        total = total.checked_add(part).ok_or_else(too_large)?;
        rest = after.trim_start();
    }
    Ok(total)
}

/// Takes one `number unit` off the front; the second text is the rest.
fn component(text: &str) -> Result<(Duration, &str), String> {
    let (digits, rest) = split_where(text, |c| !c.is_ascii_digit());
    let (unit, rest) = split_where(rest, |c| c.is_ascii_digit() || c.is_whitespace());
    if digits.is_empty() {
        return Err(format!("expected a number before `{unit}`: write it like \"1h30m\""));
    }
    if unit.is_empty() {
        let unit = split_where(rest.trim_start(), |c| !c.is_alphabetic()).0;
        return Err(match known(unit).or_else(|| meant(unit)) {
            Some(unit) => format!("no space between number and unit: \"{digits}{unit}\""),
            None => format!("`{digits}` has no unit: one of {}", units()),
        });
    }
    if unit.starts_with(['.', ',']) {
        return Err("whole numbers only: write it like \"1h30m\"".to_owned());
    }
    let part = scale(number(digits)?, unit_millis(unit)?).ok_or_else(too_large)?;
    Ok((part, rest))
}

fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

fn number(digits: &str) -> Result<u64, String> {
    digits.parse().map_err(|_| too_large())
}

fn unit_millis(unit: &str) -> Result<u64, String> {
    UNITS.iter().find(|(name, _)| *name == unit).map(|(_, millis)| *millis).ok_or_else(|| {
        match meant(unit) {
            Some(meant) => format!("`{unit}` is not a unit: did you mean `{meant}`?"),
            None => format!("`{unit}` is not a unit: one of {}", units()),
        }
    })
}

fn known(unit: &str) -> Option<&'static str> {
    UNITS.iter().map(|(name, _)| *name).find(|name| *name == unit)
}

/// Returns the unit that has another name elsewhere.
fn meant(unit: &str) -> Option<&'static str> {
    let unit = unit.to_lowercase();
    let singular = unit.strip_suffix('s').unwrap_or(&unit);
    match singular {
        "milli" | "msec" | "millisecond" => Some("ms"),
        "sec" | "second" => Some("s"),
        "min" | "minute" => Some("m"),
        "hr" | "hour" => Some("h"),
        "day" => Some("d"),
        "wk" | "week" => Some("w"),
        _ => known(&unit),
    }
}

fn units() -> String {
    UNITS.iter().rev().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Multiplies without losing the range that `Duration` has beyond 2^64 milliseconds.
fn scale(count: u64, millis: u64) -> Option<Duration> {
    match millis {
        1 => Some(Duration::from_millis(count)),
        _ => count.checked_mul(millis / 1_000).map(Duration::from_secs),
    }
}

fn too_large() -> String {
    "it is longer than 100 years: write \"forever\" for no limit".to_owned()
}

/// Says what is accepted in place of a TTL that is shorter than [`MIN_TTL`] or longer than [`MAX_TTL`]; `None` for any
/// other.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(cache_syntax::ttl_fault(Duration::from_secs(300)), None);
/// assert!(cache_syntax::ttl_fault(Duration::ZERO).is_some());
/// ```
pub fn ttl_fault(ttl: Duration) -> Option<&'static str> {
    if ttl < MIN_TTL {
        Some("at least 1ms (there is no TTL of zero; to store nothing, use no cache)")
    } else if ttl > MAX_TTL {
        Some("at most 100 years; for a value that never expires, use `forever`")
    } else {
        None
    }
}

/// Writes a text that [`parse_duration`] reads, in whole milliseconds. They are rounded up, so a positive duration is
/// never read back as zero.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(cache_syntax::format_duration(Duration::from_secs(5_400)), "1h30m");
/// ```
pub fn format_duration(duration: Duration) -> String {
    if duration.is_zero() {
        return "0s".to_owned();
    }
    let mut left = duration.as_nanos().div_ceil(1_000_000);
    let mut text = String::new();
    for (unit, millis) in UNITS {
        let count = left / u128::from(millis);
        left %= u128::from(millis);
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_counts() {
        let cases = [
            ("0", 0),
            ("90", 90_000),
            ("1ms", 1),
            ("1s", 1_000),
            ("1m", 60_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
            ("1w", 604_800_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("30m1h", 5_400_000),
            ("007s", 7_000),
            ("1w2d3h4m5s6ms", 788_645_006),
            ("36500d", 3_153_600_000_000),
        ];
        for (text, millis) in cases {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("", "empty"),
            (" ", "white space"),
            (" 5s", "white space"),
            ("5 ", "white space"),
            ("1h ", "white space"),
            ("h", "number before `h`"),
            ("1h30", "`30` has no unit: one of `ms`, `s`, `m`, `h`, `d`, `w`"),
            ("5 m", "no space between number and unit: \"5m\""),
            ("1h 30 minutes", "no space between number and unit: \"30m\""),
            ("5 x", "`5` has no unit"),
            ("5min", "`min` is not a unit: did you mean `m`?"),
            ("5M", "did you mean `m`?"),
            ("5Sec", "did you mean `s`?"),
            ("5hours", "did you mean `h`?"),
            ("5MS", "did you mean `ms`?"),
            ("5us", "`us` is not a unit"),
            ("5µs", "`µs` is not a unit"),
            ("1h,30m", "`h,` is not a unit"),
            ("forever", "number before `forever`"),
            ("-5s", "number before `-`"),
            ("+5s", "number before `+`"),
            ("٥s", "number before"),
            ("1.5h", "whole numbers only"),
            ("99999999999999999999s", "100 years"),
            ("99999999999999999999", "100 years"),
            ("30500568904944w", "100 years"),
            ("18446744073709551615w", "100 years"),
        ];
        for (text, part) in cases {
            let error = parse_duration(text).err().unwrap_or_default();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_ttl_is_from_a_millisecond_to_a_hundred_years() {
        assert_eq!((ttl_fault(MIN_TTL), ttl_fault(MAX_TTL)), (None, None));
        assert!(ttl_fault(Duration::from_micros(999)).is_some_and(|text| text.contains("1ms")));
        let longer = MAX_TTL + Duration::from_millis(1);
        assert!(ttl_fault(longer).is_some_and(|text| text.contains("`forever`")));
    }

    #[test]
    fn writes_the_shortest_units() {
        let table = [
            (Duration::ZERO, "0s"),
            (Duration::from_millis(250), "250ms"),
            (Duration::from_secs(300), "5m"),
            (Duration::from_millis(5_400_001), "1h30m1ms"),
            (Duration::from_nanos(1), "1ms"),
            (Duration::from_secs(604_800 * 3), "3w"),
        ];
        for (duration, text) in table {
            assert_eq!(format_duration(duration), text);
        }
    }

    #[test]
    fn reads_back_what_it_wrote() {
        for millis in [1, 999, 1_000, 61_001, 86_399_999, 31_536_000_000, u64::MAX] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }
        let longest = Duration::from_secs(u64::MAX);
        assert_eq!(parse_duration(&format_duration(longest)), Ok(longest));
    }
}
