//! The numbers that options take.

/// A range of numbers that an option takes: from 0.0 to a maximum.
#[derive(Clone, Copy, Debug)]
pub struct NumberRange {
    /// The maximum.
    pub most: f64,
    /// The range in words, such as `a number from 0.0 to 0.5`.
    pub accepted: &'static str,
    /// The rule as a sentence, with the name of the option.
    pub rule: &'static str,
}

macro_rules! range {
    ($name:ident, $option:literal, $most:expr, $accepted:literal) => {
        #[doc = concat!("The range of `", $option, "`.")]
        pub const $name: NumberRange = NumberRange {
            most: $most,
            accepted: $accepted,
            rule: concat!("`", $option, "` takes ", $accepted),
        };
    };
}

range!(COST, "cost", f64::MAX, "a number of at least 0");
range!(EARLY_REFRESH, "early_refresh", 100.0, "a number from 0.0 to 100.0, such as 1.0");
range!(JITTER, "jitter", 0.5, "a number from 0.0 to 0.5");

impl NumberRange {
    /// Returns true if the number is in the range. NaN is not.
    pub const fn contains(&self, number: f64) -> bool {
        0.0 <= number && number <= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_contains_its_ends_and_no_infinity() {
        for range in [COST, EARLY_REFRESH, JITTER] {
            assert!(range.contains(0.0) && range.contains(range.most), "{}", range.rule);
            for number in [f64::NAN, f64::INFINITY, -0.1] {
                assert!(!range.contains(number), "{}: {number}", range.rule);
            }
        }
        assert!(!JITTER.contains(0.51) && !EARLY_REFRESH.contains(100.1));
    }
}
