//! Sizes as people write them: `64MiB`, `1GB`, `4096`.

/// The accepted sizes, for messages.
pub const SIZE: &str =
    "a number of bytes such as `4096`, `64KiB`, `64MiB` or `1GB` (KB, MB, GB are powers of 1000)";

/// Returns the number of bytes; `None` for a text that is not a size, or for too large a number.
pub fn parse_size(text: &str) -> Option<u64> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let count: u64 = text[..text.len() - unit.len()].parse().ok()?;
    count.checked_mul(unit_size(unit.trim())?)
}

fn unit_size(unit: &str) -> Option<u64> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes_with_and_without_a_unit() {
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
            assert_eq!(parse_size(text), Some(bytes), "{text:?}");
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
            assert_eq!(parse_size(text), None, "{text:?}");
        }
    }
}
