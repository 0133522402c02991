//! A digest of text whose parts may come in any order.

use std::fmt;

use super::mix::mix;

/// The words and other characters of a text, independently of their order: a `HashMap` prints its entries in
/// any order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Words {
    sum: u64,
    word: u64,
}

impl Words {
    pub(crate) fn digest(self) -> u64 {
        self.ended().sum
    }

    /// Returns the words, with the last one included.
    fn ended(self) -> Self {
        let digest = if self.word == 0 { 0 } else { mix(self.word, 0) };
        Words { sum: self.sum.wrapping_add(digest), word: 0 }
    }
}

impl fmt::Write for Words {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            if letter.is_alphanumeric() {
                self.word = mix(self.word, letter.into());
            } else {
                *self = self.ended();
                self.sum = self.sum.wrapping_add(mix(1, letter.into()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::Words;

    fn digest(parts: &[&str]) -> u64 {
        let mut words = Words::default();
        parts.iter().for_each(|part| words.write_str(part).unwrap_or_default());
        words.digest()
    }

    #[test]
    fn words_count_and_their_order_does_not() {
        let digests = [digest(&["{a: 1, b: 2}"]), digest(&["{b: 2", ", ", "a: 1}"])];
        assert_eq!(digests[0], digests[1]);
        for other in ["{a: 1, b: 12}", "{a: 1, b: 2, }", "{a: 1}", "{ab: 1, : 2}", ""] {
            assert_ne!(digest(&[other]), digests[0], "{other}");
        }
        assert_eq!(digest(&["User(", "1", "2)"]), digest(&["User(12)"]));
        assert_ne!(digest(&["On(1)"]), digest(&["nO(1)"]));
    }
}
