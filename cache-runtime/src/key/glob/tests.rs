#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use proptest::prelude::*;

use super::*;

fn matches(pattern: &str, text: &str) -> bool {
    Pattern::compile(pattern).unwrap().matches(text)
}

#[test]
fn patterns_match_what_redis_matches() {
    for (pattern, text, expected) in [
        ("*", "anything", true),
        ("user:*", "user:1", true),
        ("user:*", "user:", true),
        ("user:*", "user", false),
        ("user:1", "user:10", false),
        ("*:meta", "video:1:meta", true),
        ("*:meta", "video:1:metadata", false),
        ("a*b*c", "axxbyyc", true),
        ("a*b*c", "axxbyy", false),
        ("a**c", "abc", true),
        ("h?llo", "hello", true),
        ("h?llo", "hllo", false),
        ("h[ae]llo", "hallo", true),
        ("h[ae]llo", "hillo", false),
        ("h[^e]llo", "hallo", true),
        ("h[^e]llo", "hello", false),
        ("h[a-c]llo", "hbllo", true),
        ("h[c-a]llo", "hbllo", true),
        ("h[a-c]llo", "hdllo", false),
        ("[a-cx-z]", "y", true),
        ("\\*", "*", true),
        ("\\*", "x", false),
        ("a\\", "a\\", true),
        ("[\\]]", "]", true),
        ("[\\^]", "^", true),
        ("[a^]", "^", true),
        ("caf?", "caf\u{e9}", false),
        ("caf??", "caf\u{e9}", true),
        ("caf\u{e9}", "caf\u{e9}", true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
    }
}

#[test]
fn odd_sets_are_read_as_redis_reads_them() {
    for (pattern, text, expected) in [
        ("[abc", "b", true),
        ("[abc", "d", false),
        ("[", "[", false),
        ("[^", "x", true),
        ("[]", "]", false),
        ("[]a", "a", false),
        ("[^]", "x", true),
        ("[^]a", "xa", true),
        ("[a-]", "a", true),
        ("[a-]", "^", true),
        ("[a-]", "b", false),
        ("[\\", "\\", true),
        ("[a-", "-", true),
        ("[-a]", "-", true),
        ("[a\\-z]", "b", false),
        ("[a\\-z]", "-", true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
    }
}

/// Matches a pattern by trying all possibilities.
fn by_trying(tokens: &[Token], text: &[u8]) -> bool {
    match (tokens.split_first(), text.split_first()) {
        (None, first) => first.is_none(),
        (Some((Token::AnyText, rest)), first) => {
            by_trying(rest, text) || first.is_some_and(|(_, text)| by_trying(tokens, text))
        }
        (Some((token, rest)), first) => {
            first.is_some_and(|(byte, text)| token.takes(*byte) && by_trying(rest, text))
        }
    }
}

proptest! {
    #[test]
    fn all_steps_at_once_are_as_good_as_one_after_the_other(
        pattern in "([ab?*]|\\[\\^?ab\\]){1,12}", text in "[abc]{0,12}",
    ) {
        let pattern = Pattern::new(&pattern).unwrap();
        prop_assert_eq!(pattern.matches(&text), by_trying(&pattern.tokens, text.as_bytes()));
    }

    /// Tests patterns whose steps take several words.
    #[test]
    fn a_long_pattern_matches_as_a_short_one_does(
        before in 0_usize..66, between in 0_usize..66, after in 0_usize..65,
    ) {
        let pattern = format!("{}*{}b*{}", "a".repeat(before), "a".repeat(between), "?".repeat(after));
        let pattern = Pattern::new(&pattern).unwrap();
        let text = format!("{}{}b{}", "a".repeat(before), "a".repeat(between), "a".repeat(after));
        prop_assert!(pattern.matches(&text));
        prop_assert!(!pattern.matches(&text[1..]), "one byte too few");
    }

    /// Redis does not get a pattern that it would take long for, and gets one that finds all matches.
    #[test]
    fn what_redis_is_given_matches_no_less(pattern in "[ab]{0,3}([ab?*]){1,12}", text in "[ab]{0,12}") {
        let pattern = Pattern::new(&pattern).unwrap();
        let (given, is_exact) = pattern.for_redis();
        prop_assert!(given.matches('*').count() <= MOST_STARS);
        let (given, wanted) =
            (Pattern::new(&given).unwrap().matches(&text), pattern.matches(&text));
        prop_assert!(given == wanted || (given && !is_exact));
    }
}

#[test]
fn what_a_pattern_begins_with() {
    let literal = |pattern| Pattern::new(pattern).unwrap().literal_prefix();
    assert_eq!(literal("user:1?:*"), "user:1");
    assert_eq!(literal("*"), "");
    assert_eq!(literal("a\\*b[c]"), "a*b");
    assert_eq!(literal("\\caf\u{e9}*"), "caf\u{e9}");
}

#[test]
fn a_pattern_that_is_a_whole_prefix() {
    let whole = |pattern| Pattern::new(pattern).unwrap().whole_prefix();
    assert_eq!(whole("video:*").as_deref(), Some("video"));
    assert_eq!(whole("video:meta:**").as_deref(), Some("video:meta"));
    assert_eq!(whole("vi\\*eo:*").as_deref(), Some("vi*eo"));
    for other in ["video*", "video:?*", "*", ":*", "video:", "v*:*", "video:*x"] {
        assert_eq!(whole(other), None, "{other}");
    }
    assert!(Pattern::new("**").unwrap().is_everything());
    assert!(!Pattern::new("?*").unwrap().is_everything());
}

#[test]
fn patterns_that_cannot_be_used_say_why() {
    let reason = |pattern: &str| Pattern::new(pattern).unwrap_err().to_string();
    assert!(reason("").contains("`*` matches every name"));
    assert!(reason("#*").contains("begins with `#`"));
    assert!(reason("a\n*").contains("control character"));
    assert!(reason("[\u{e9}]").contains("ASCII"));
    assert!(reason("[^a-\u{e9}]").contains("ASCII"));
    assert!(reason(&"x".repeat(1025)).contains("1024"));
    assert_eq!(Pattern::new("a*").unwrap().as_str(), "a*");
}

/// Matches by the plain definition: recursive and slow.
fn reference(pattern: &[Token], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [Token::AnyText, rest @ ..] => {
            (0..=text.len()).any(|taken| reference(rest, &text[taken..]))
        }
        [token, rest @ ..] => text
            .split_first()
            .is_some_and(|(byte, text)| token.takes(*byte) && reference(rest, text)),
    }
}

proptest! {
    #[test]
    fn matching_equals_the_plain_definition(
        pattern in "[ab*?\\[\\]^\\\\-]{1,10}", text in "[ab*-]{0,8}",
    ) {
        let pattern = Pattern::compile(&pattern).unwrap();
        prop_assert_eq!(pattern.matches(&text), reference(&pattern.tokens, text.as_bytes()));
    }

    #[test]
    fn an_escaped_text_matches_itself_alone(
        text in "[^\\p{Cc}#].{0,20}", other in "[^\\p{Cc}#].{0,20}",
    ) {
        prop_assume!(!text.chars().any(char::is_control));
        let pattern = Pattern::compile(&escape(&text)).unwrap();
        prop_assert!(pattern.matches(&text));
        prop_assert_eq!(pattern.matches(&other), text == other);
        prop_assert_eq!(pattern.literal_prefix(), text);
    }

    #[test]
    fn what_matches_begins_with_the_literal_prefix(
        pattern in "[ab*?]{1,6}", text in "[ab]{0,6}",
    ) {
        let pattern = Pattern::new(&pattern).unwrap();
        prop_assert!(!pattern.matches(&text) || text.starts_with(&pattern.literal_prefix()));
    }
}

#[test]
fn a_pattern_that_no_name_can_match_is_refused() {
    let reason = |pattern: &str| Pattern::new(pattern).unwrap_err().to_string();
    for (pattern, part) in [
        ("#*", "begins with `#`"),
        ("\\#*", "begins with `#`"),
        (" ", "white space"),
        ("video:* ", "white space"),
        ("a[]*", "matches no character"),
        ("[", "matches no character"),
        (&"x".repeat(201), "shortened text"),
        (&format!("*{}", "?".repeat(201)), "shortened text"),
        (&format!("1:2:3:4:5:6:{}:*", "x".repeat(200)), "shortened text"),
    ] {
        assert!(reason(pattern).contains(part), "{pattern}: {}", reason(pattern));
    }
    let below_a_long_tag = format!("page:{}:*", "x".repeat(300));
    for pattern in ["[a", "[^]", "a b", &"x".repeat(200), &below_a_long_tag] {
        assert!(Pattern::new(pattern).is_ok(), "{pattern}");
    }
}
