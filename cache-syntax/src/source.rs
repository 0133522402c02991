//! The names of sources.

/// The longest name of a source, in bytes.
const LONGEST: usize = 64;

/// The accepted names, in words.
pub const SOURCE: &str = "a name of 1 to 64 letters, digits, `_`, `-` and `.` (ASCII), such as `postgres`; `breaker` is \
                          reserved";

/// Returns true if a text can be the name of a source.
///
/// ```
/// assert!(cache_syntax::is_source("postgres"));
/// assert!(!cache_syntax::is_source("my source"));
/// assert!(!cache_syntax::is_source("breaker"));
/// ```
pub fn is_source(name: &str) -> bool {
    let accepted = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    (1..=LONGEST).contains(&name.len()) && name.chars().all(accepted) && name != "breaker"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_separator_and_is_no_word_of_the_setting() {
        assert!(["a", "stripe.com", "db-1_replica"].into_iter().all(is_source));
        let long = "a".repeat(LONGEST + 1);
        for name in ["", "a b", "a=1", "a,b", "a:b", "é", "breaker", &long] {
            assert!(!is_source(name), "{name}");
        }
    }
}
