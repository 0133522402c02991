//! Numbers with their units, as a person reads them.

use crate::time_text;

/// Returns a number of this unit.
pub(super) fn amount(value: f64, unit: &str) -> String {
    match unit {
        "ns" => time_text(value),
        "x" => format!("{value:.2}x"),
        "s" => format!("{value:.1} s"),
        "%" => format!("{value:.1} %"),
        "points" => format!("{value:.2} points"),
        "bytes" if value >= 1e6 => format!("{:.1} MB", value / 1e6),
        "bytes" => format!("{} bytes", grouped(value.round() as u64)),
        // The unit is named beside the number.
        "loads" | "crates" | "calls" if value.fract() == 0.0 => grouped(value as u64),
        "round trips" => format!("{value:.2}"),
        _ if value.fract() == 0.0 => format!("{} {unit}", grouped(value as u64)),
        _ => format!("{value:.1} {unit}"),
    }
}

/// With commas at the thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let places = digits.len();
    let comma = |at: usize| at > 0 && (places - at).is_multiple_of(3);
    digits
        .char_indices()
        .flat_map(|(at, digit)| comma(at).then_some(',').into_iter().chain([digit]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::amount;

    #[test]
    fn each_unit_has_its_form() {
        let texts =
            [(16.23, "ns"), (1_500_000.0, "ns"), (1.234, "x"), (1000.0, "loads"), (7.0, "crates")]
                .map(|(value, unit)| amount(value, unit));
        assert_eq!(texts, ["16.2 ns", "1.5 ms", "1.23x", "1,000", "7"]);
    }
}
