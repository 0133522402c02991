//! Durations as text: `"1h30m"`.

/// The longest duration that is accepted, 100 years: the runtime takes no longer one.
const MAX_MILLIS: u64 = 100 * 365 * 24 * 60 * 60 * 1_000;

/// The units, in milliseconds.
const UNITS: [(&str, u64); 6] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];

/// Milliseconds of `"1h30m"`, `"1h 30m"`, or `"90"` (seconds); the error says what is wrong with it.
pub(crate) fn parse_millis(text: &str) -> Result<u64, String> {
    if text.is_empty() {
        return Err("the duration is empty: write it like \"1h30m\"".to_owned());
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return number(text).and_then(seconds_to_millis);
    }
    let mut rest = text;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (millis, after) = component(rest)?;
        total = total.checked_add(millis).ok_or_else(too_long)?;
        rest = after.trim_start();
    }
    in_range(total)
}

/// Milliseconds of a number of seconds.
pub(crate) fn seconds_to_millis(seconds: u64) -> Result<u64, String> {
    in_range(seconds.checked_mul(1_000).ok_or_else(too_long)?)
}

/// Takes one `number unit` off the front: milliseconds, and what is left.
fn component(text: &str) -> Result<(u64, &str), String> {
    let (digits, rest) = split_where(text, |c| !c.is_ascii_digit());
    let (unit, rest) = split_where(rest, |c| c.is_ascii_digit() || c.is_whitespace());
    if digits.is_empty() {
        return Err(format!("expected a number before `{unit}`: write it like \"1h30m\""));
    }
    if unit.is_empty() {
        let unit = word(rest.trim_start());
        return Err(match known(unit).or_else(|| meant(unit)) {
            Some(unit) => format!("no space between number and unit: \"{digits}{unit}\""),
            None => format!("`{digits}` has no unit: one of {}", units()),
        });
    }
    if unit.starts_with(['.', ',']) {
        return Err("whole numbers only: write it like \"1h30m\"".to_owned());
    }
    let millis = number(digits)?.checked_mul(unit_millis(unit)?).ok_or_else(too_long)?;
    Ok((millis, rest))
}

fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

fn number(digits: &str) -> Result<u64, String> {
    digits.parse().map_err(|_| too_long())
}

fn unit_millis(unit: &str) -> Result<u64, String> {
    UNITS.iter().find(|(name, _)| *name == unit).map(|(_, millis)| *millis).ok_or_else(|| {
        match meant(unit) {
            Some(meant) => format!("`{unit}` is not a unit: did you mean `{meant}`?"),
            None => format!("`{unit}` is not a unit: one of {}", units()),
        }
    })
}

/// The letters that the text begins with.
fn word(text: &str) -> &str {
    split_where(text, |c| !c.is_alphabetic()).0
}

fn known(unit: &str) -> Option<&'static str> {
    UNITS.iter().map(|(name, _)| *name).find(|name| *name == unit)
}

/// The unit that goes by another name elsewhere.
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
    crate::error::list(UNITS.map(|(name, _)| name))
}

fn in_range(millis: u64) -> Result<u64, String> {
    match millis {
        0 => Err("the duration is zero: it must be at least 1 ms".to_owned()),
        millis if millis > MAX_MILLIS => Err(too_long()),
        millis => Ok(millis),
    }
}

fn too_long() -> String {
    "the duration is longer than 100 years: write \"forever\" for no limit".to_owned()
}

#[cfg(test)]
mod tests {
    use super::{parse_millis, seconds_to_millis};

    #[test]
    fn every_unit_counts() {
        let cases = [
            ("1ms", 1),
            ("1s", 1_000),
            ("1m", 60_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
            ("1w", 604_800_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("1w1d1h1m1s1ms", 694_861_001),
            ("90", 90_000),
            ("36500d", 3_153_600_000_000),
        ];
        for (text, millis) in cases {
            assert_eq!(parse_millis(text), Ok(millis), "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("", "empty"),
            ("0", "zero"),
            ("0s", "zero"),
            ("0h0m", "zero"),
            ("h", "number before `h`"),
            ("1h30", "`30` has no unit"),
            (" 5s", "number before"),
            ("5 m", "no space between number and unit: \"5m\""),
            ("1h 30 minutes", "no space between number and unit: \"30m\""),
            ("5 x", "`5` has no unit"),
            ("5 ", "`5` has no unit"),
            ("5min", "`min` is not a unit: did you mean `m`?"),
            ("5M", "did you mean `m`?"),
            ("5Sec", "did you mean `s`?"),
            ("5hours", "did you mean `h`?"),
            ("5MS", "did you mean `ms`?"),
            ("5us", "`us` is not a unit"),
            ("-5s", "number before `-`"),
            ("1.5h", "whole numbers only"),
            ("36500d1ms", "100 years"),
            ("99999999999999999999s", "100 years"),
            ("18446744073709551615w", "100 years"),
        ];
        for (text, part) in cases {
            let error = parse_millis(text).err().unwrap_or_default();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn seconds_are_bounded() {
        assert_eq!(seconds_to_millis(300), Ok(300_000));
        assert!(seconds_to_millis(0).is_err());
        assert!(seconds_to_millis(u64::MAX).is_err());
        assert!(seconds_to_millis(100 * 365 * 86_400).is_ok());
        assert!(seconds_to_millis(100 * 365 * 86_400 + 1).is_err());
    }
}
