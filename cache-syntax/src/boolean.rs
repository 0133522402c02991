//! Switches as text.

/// Lists the words that [`parse_boolean`] accepts, for an error message.
pub const BOOLEAN: &str = "`true`, `yes`, `on` or `1`, or `false`, `no`, `off` or `0`";

/// Reads a word for yes or no, in upper or lower case; `None` for any other.
///
/// ```
/// assert_eq!(cache_syntax::parse_boolean("Yes"), Some(true));
/// assert_eq!(cache_syntax::parse_boolean("0"), Some(false));
/// assert_eq!(cache_syntax::parse_boolean("perhaps"), None);
/// ```
pub fn parse_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}
