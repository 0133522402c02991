#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::collections::HashSet;
use std::fmt;

use proptest::prelude::*;

use super::*;

fn render(parts: impl FnOnce(&mut Renderer)) -> String {
    let mut renderer = Renderer::new();
    parts(&mut renderer);
    renderer.finish().unwrap().as_str().to_owned()
}

fn two_values(a: &str, separator: &str, b: &str) -> String {
    render(|r| {
        r.value(a, separator);
        r.text(separator);
        r.value(b, "");
    })
}

#[test]
fn literal_text_stays_and_values_are_escaped() {
    let name = render(|r| {
        r.text("user:");
        r.value(&42, ":");
        r.text(":");
        r.value("a:b*c d/\u{e9}", "");
    });
    assert_eq!(name, "user:42:a%3Ab%2Ac%20d/\u{e9}");
}

#[test]
fn every_special_character_is_escaped() {
    assert_eq!(
        escape(":%{}*?[]^\\#~ \n\u{85}\u{2003}"),
        "%3A%25%7B%7D%2A%3F%5B%5D%5E%5C%23%7E%20%0A%C2%85%E2%80%83"
    );
    assert_eq!(escape("plain-text_1.0/\u{4e2d}"), "plain-text_1.0/\u{4e2d}");
}

#[test]
fn an_empty_value_is_not_nothing() {
    assert_eq!(escape(""), "%-");
    assert_ne!(two_values("", "-", "a"), two_values("-", "-", "a"));
    assert_ne!(escape(""), escape("%-"));
}

#[test]
fn the_character_after_a_value_is_escaped_in_it() {
    assert_eq!(two_values("a-b", "-", "c-d"), "a%2Db-c-d");
    assert_eq!(two_values("a\u{2192}b", "\u{2192}x", "c"), "a%E2%86%92b\u{2192}xc");
    assert_eq!(two_values("50%", "%3A", "x:y"), "50^25%3Ax%3Ay");
}

#[test]
fn a_display_that_fails_marks_the_whole() {
    struct Failing;
    impl fmt::Display for Failing {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }
    let mut renderer = Renderer::new();
    renderer.value(&Failing, "");
    renderer.text("after");
    assert!(renderer.finish().is_none());
}

#[test]
fn a_long_name_is_shortened_and_keeps_its_prefixes() {
    let first = format!("{}:{}:one", "a".repeat(149), "b".repeat(60));
    let second = format!("{}:{}:two", "a".repeat(149), "b".repeat(60));
    let (one, two) = (Name::new(&first), Name::new(&second));
    assert_eq!(one.as_str().len(), 150 + 1 + 40);
    assert!(one.as_str().starts_with(&first[..150]));
    assert_ne!(one, two);
    assert_eq!(one, one.clone());
    assert_eq!(one.to_string(), one.as_str());
    let tags: Vec<_> = one.tags().collect();
    assert_eq!(tags[0], first[..149]);
    assert_eq!(tags[1], shorten(&first[..210]));
    assert!(tags[1].len() <= 200);
    assert_eq!(tags, two.tags().collect::<Vec<_>>());
}

#[test]
fn a_name_of_two_hundred_bytes_is_kept_and_a_cut_respects_characters() {
    assert_eq!(Name::new("x".repeat(200)).as_str(), "x".repeat(200));
    let wide = "\u{4e2d}".repeat(100);
    assert!(Name::new(&wide).as_str().len() <= 191);
    let shifted = format!("x{wide}");
    assert_eq!(shorten(&shifted).len(), 148 + 41);
}

#[test]
fn a_function_name_ends_with_the_hash() {
    let name = function_name("video:get_video:", &[0xAB; 20]);
    assert_eq!(name, format!("video:get_video:{}", "ab".repeat(20)));
}

#[test]
fn a_text_that_cannot_be_used_is_named_with_its_kind_and_its_fault() {
    let reason = |result: Result<Cow<'_, str>, Error>| result.unwrap_err().to_string();
    assert_eq!(reason(validate_tag("")), "the tag \"\" cannot be used: it is empty");
    assert!(reason(validate_tag("a*")).starts_with("the tag \"a*\" cannot be used: it contains a"));
    assert!(reason(validate_prefix("a:")).contains("ends with `:`"));
    assert!(reason(validate_prefix("1:2:3:4:5:6:7")).contains("clear(pattern)"));
    assert!(Name::direct("#feed").unwrap_err().to_string().contains("reserved"));
    for good in ["user:123:profile", "a b", "caf\u{e9}", "a#b", "100%", "x~y"] {
        assert_eq!(Name::direct(good).unwrap().as_str(), good);
    }
}

#[test]
fn an_error_does_not_repeat_a_megabyte() {
    let error = Name::direct(&"x".repeat(1 << 20)).unwrap_err();
    assert!(error.to_string().len() < 5000);
}

#[test]
fn distinct_texts_stay_distinct_when_escaped() {
    let texts = ["", "%-", "-", "%", "%25", ":", "%3A", "a:b", "a%3Ab", "^-", "~", " "];
    let escaped: HashSet<_> = texts.iter().map(escape).collect();
    assert_eq!(escaped.len(), texts.len());
}

proptest! {
    #[test]
    fn two_values_never_run_into_each_other(
        a in "[-:%a2A^5 ]{0,4}", b in "[-:%a2A^5 ]{0,4}", c in "[-:%a2A^5 ]{0,4}",
        d in "[-:%a2A^5 ]{0,4}", separator in "[-:%a2A^5][-:%a2A^5]{0,3}",
    ) {
        let equal = (&a, &b) == (&c, &d);
        prop_assert_eq!(two_values(&a, &separator, &b) == two_values(&c, &separator, &d), equal);
    }

    #[test]
    fn an_escaped_value_is_one_literal_segment(value: String) {
        let escaped = escape(&value);
        let special = [':', '*', '?', '[', ']', '\\', '{', '}', '#', '~'];
        prop_assert!(!escaped.contains(special));
        prop_assert!(!escaped.is_empty());
        prop_assert!(Name::direct(&escaped).is_ok());
    }

    #[test]
    fn names_are_short_whatever_is_put_into_them(text: String, repeat in 1..200_usize) {
        prop_assert!(shorten(&text.repeat(repeat)).len() <= MAX_LENGTH);
    }
}
