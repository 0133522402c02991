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
fn prefixes_are_cut_at_colons() {
    let of = |name| prefixes(name).collect::<Vec<_>>();
    assert_eq!(of("a:b:c"), ["a", "a:b"]);
    assert_eq!(of("a:b:"), ["a", "a:b"]);
    assert_eq!(of(":a"), [""; 0]);
    assert_eq!(of("user:10"), ["user"]);
    assert_eq!(of("plain"), [""; 0]);
    assert_eq!(of("1:2:3:4:5:6:7:8").last(), Some(&"1:2:3:4:5:6"));
    assert_eq!(of("1:2:3:4:5:6:7:8").len(), MAX_PREFIXES);
}

#[test]
fn every_prefix_of_a_name_can_be_invalidated() {
    for prefix in prefixes("1:2:3:4:5:6:7:8") {
        assert_eq!(validate_prefix(prefix).unwrap(), prefix);
    }
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
    assert_eq!(Name::new(&"x".repeat(200)).as_str(), "x".repeat(200));
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
fn texts_that_cannot_be_used_say_why() {
    let reason = |result: Result<Cow<'_, str>, Error>| result.unwrap_err().to_string();
    assert_eq!(reason(validate_tag("")), "the tag \"\" cannot be used: it is empty");
    assert!(reason(validate_tag("#x")).contains("reserved"));
    assert!(reason(validate_tag("a\nb")).contains("control character"));
    assert!(reason(validate_tag(&"x".repeat(4097))).contains("4096"));
    assert!(reason(validate_prefix("")).contains("empty"));
    assert!(reason(validate_prefix("user:")).contains("ends with `:`"));
    for empty in [":", ":a", "a::b"] {
        assert!(reason(validate_prefix(empty)).contains("empty segment"), "{empty}");
    }
    for pattern in ["*", "user:*", "a?b", "user:[0-9]"] {
        let said = reason(validate_prefix(pattern));
        assert!(said.contains("covers everything below") && said.contains("`clear`"), "{said}");
        assert!(reason(validate_tag(pattern)).contains("matched as a whole"), "{pattern}");
    }
    for white in [" ", "a ", "\u{2003}a"] {
        assert!(reason(validate_prefix(white)).contains("white space"), "{white:?}");
        assert!(reason(validate_tag(white)).contains("white space"), "{white:?}");
        assert!(Name::direct(white).is_err(), "{white:?}");
    }
    assert!(reason(validate_prefix("1:2:3:4:5:6:7")).contains("clear(pattern)"));
    for bad in ["", "#feed", "a\0b", &"x".repeat(4097)] {
        assert!(Name::direct(bad).is_err(), "{bad:?}");
    }
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
