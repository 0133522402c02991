//! Times of day as text: RFC 3339, in UTC, with milliseconds.

use std::time::SystemTime;

use serde::Serializer;

const DAY_MS: i64 = 24 * 3600 * 1000;
/// The years of four digits, in milliseconds since 1970.
const FIRST_MS: i64 = -62_167_219_200_000;
const LAST_MS: i64 = 253_402_300_799_999;

pub(crate) fn serialize<S: Serializer>(
    time: &SystemTime,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&rfc3339(*time))
}

pub(crate) fn serialize_option<S: Serializer>(
    time: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(&rfc3339(*time)),
        None => serializer.serialize_none(),
    }
}

fn rfc3339(time: SystemTime) -> String {
    let ms = since_1970_ms(time).clamp(FIRST_MS, LAST_MS);
    let (year, month, day) = civil(ms.div_euclid(DAY_MS));
    let of_day = ms.rem_euclid(DAY_MS);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, ms) = (of_day / 1_000 % 60, of_day % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

fn since_1970_ms(time: SystemTime) -> i64 {
    let ms = |ms: u128| i64::try_from(ms).unwrap_or(i64::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => ms(after.as_millis()),
        Err(before) => -ms(before.duration().as_nanos().div_ceil(1_000_000)),
    }
}

/// Returns the Gregorian date of a day, counted from 1970-01-01. Years begin in March here, so that a leap
/// day is the last day of its year.
fn civil(day: i64) -> (i64, i64, i64) {
    const ERA_DAYS: i64 = 146_097;
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(ERA_DAYS), day.rem_euclid(ERA_DAYS));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(secs: i64, ms: u64) -> String {
        let whole = Duration::from_secs(secs.unsigned_abs());
        let second = match secs {
            0.. => SystemTime::UNIX_EPOCH + whole,
            _ => SystemTime::UNIX_EPOCH - whole,
        };
        rfc3339(second + Duration::from_millis(ms))
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (secs, ms, text) in [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, 999, "2000-02-28T23:59:59.999Z"),
            (951_782_400, 0, "2000-02-29T00:00:00.000Z"),
            (1_709_210_096, 7, "2024-02-29T12:34:56.007Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
            (-1, 1, "1969-12-31T23:59:59.001Z"),
            (-62_167_219_201, 0, "0000-01-01T00:00:00.000Z"),
            (253_402_300_800, 0, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(at(secs, ms), text);
        }
    }

    #[test]
    fn each_day_follows_the_one_before() {
        let mut before = civil(-800_000);
        for number in -799_999..800_000 {
            let (year, month, day) = civil(number);
            let next = [(before.0, before.1, before.2 + 1), (before.0, before.1 + 1, 1)];
            let new_year = (before.0 + 1, 1, 1);
            assert!(next.contains(&(year, month, day)) || (year, month, day) == new_year);
            before = (year, month, day);
        }
    }
}
