//! Durations as people write them: `250ms`, `90`, `1h30m`.

use std::time::Duration;

/// The input that [`parse_duration`] accepts, for error messages.
pub(crate) const EXPECTED: &str = "a duration such as `250ms`, `5m` or `1h30m` (units ms, s, m, h, d, w; a bare number is seconds)";

/// Longest unit first, in milliseconds.
const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads `1h30m`, `1h 30m` or a bare number of seconds; `None` if it is none of these or overflows.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if is_number(text) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (part, after) = split_part(rest);
        total = total.checked_add(parse_part(part)?)?;
        rest = after.trim_start();
    }
    (!text.is_empty()).then_some(total)
}

/// Writes what [`parse_duration`] reads, in whole milliseconds (rounded up, so that a positive
/// duration never reads back as zero).
pub(crate) fn format_duration(duration: Duration) -> String {
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

/// The text of any duration for an error message: below a millisecond, [`format_duration`] would
/// show one that is accepted.
pub(crate) fn show_duration(duration: Duration) -> String {
    if duration < Duration::from_millis(1) && !duration.is_zero() {
        format!("{duration:?}")
    } else {
        format_duration(duration)
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Cuts after the first number and the letters that follow it.
fn split_part(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let letters = text.bytes().skip(digits).take_while(u8::is_ascii_alphabetic).count();
    // Text that starts with neither is handed over whole, to be refused.
    let end = if digits + letters == 0 { text.len() } else { digits + letters };
    text.split_at(end)
}

fn parse_part(part: &str) -> Option<Duration> {
    let unit = part.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = &part[..part.len() - unit.len()];
    let (_, millis) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    let count: u64 = number.parse().ok()?;
    scale(count, millis)
}

/// `count` times `millis`, without losing the range that `Duration` has beyond 2^64 milliseconds.
fn scale(count: u64, millis: u64) -> Option<Duration> {
    match millis {
        1 => Some(Duration::from_millis(count)),
        _ => count.checked_mul(millis / 1_000).map(Duration::from_secs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let table = [
            ("0", 0),
            ("90", 90_000),
            (" 90 ", 90_000),
            ("250ms", 250),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("1w2d3h4m5s6ms", 788_645_006),
            ("30m1h", 5_400_000),
            ("007s", 7_000),
        ];
        for (text, millis) in table {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text:?}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            " ",
            "m",
            "5 m",
            "5min",
            "-5s",
            "+5s",
            "1.5h",
            "1h30",
            "1h-30m",
            "5M",
            "5µs",
            "forever",
            "99999999999999999999s",
            "99999999999999999999",
            "30500568904944w",
            "1h,30m",
            "٥s",
        ] {
            assert_eq!(parse_duration(text), None, "{text:?}");
        }
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
    fn shows_what_is_too_short_as_it_is() {
        assert_eq!(show_duration(Duration::from_micros(999)), "999µs");
        assert_eq!(show_duration(Duration::ZERO), "0s");
        assert_eq!(show_duration(Duration::from_secs(60)), "1m");
    }

    #[test]
    fn reads_back_what_it_wrote() {
        for millis in [1, 999, 1_000, 61_001, 86_399_999, 31_536_000_000, u64::MAX] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(&format_duration(duration)), Some(duration));
        }
        let longest = Duration::from_secs(u64::MAX);
        assert_eq!(parse_duration(&format_duration(longest)), Some(longest));
    }
}
