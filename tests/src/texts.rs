// Not `//!`: this file is included in the middle of another.
//
// Texts that people write, each with a part of the refusal, or nothing if it is accepted. The tests of the macros include
// this file, those of the direct API, HTTP and variables use it, and so do those of the command line: a text has the
// same answer everywhere.

/// Prefixes to invalidate by.
pub const PREFIXES: &[(&str, &str)] = &[
    ("video", ""),
    ("video:meta", ""),
    ("a b", ""),
    ("vidéo", ""),
    ("a:b:c:d:e:f", ""),
    ("a:b:c:d:e:f:g", "more than 6 segments"),
    ("a::b", "it has an empty segment"),
    (":a", "it has an empty segment"),
    ("a:", "it ends with `:`"),
    ("video:*", "a prefix covers everything below it"),
    ("a?", "a prefix covers everything below it"),
    ("#a", "text that begins with `#` is reserved"),
    (" a", "white space"),
    (" ", "white space"),
    ("a\u{2003}", "white space"),
    ("a\u{7}b", "control character"),
];

/// Prefixes that are accepted and refused as above, and are no prefix of all names of a function.
pub const NO_KEY_PREFIXES: &[(&str, &str)] =
    &[("a b", "white space"), ("a\u{2003}b", "white space"), ("a:{id}", "it contains a brace")];

/// Tags.
pub const TAGS: &[(&str, &str)] = &[
    ("feeds", ""),
    ("user:42", ""),
    ("a b", ""),
    ("a:b:c:d:e:f:g", ""),
    ("user:*", "a tag is matched as a whole"),
    ("[a]", "a tag is matched as a whole"),
    ("#a", "text that begins with `#` is reserved"),
    ("a ", "white space"),
    ("\u{2003}", "white space"),
    ("a\u{85}", "control character"),
];

/// Names of entries.
pub const NAMES: &[(&str, &str)] = &[
    ("user:42:profile", ""),
    ("a b", ""),
    ("a*", ""),
    ("100%", ""),
    ("#a", "text that begins with `#` is reserved"),
    (" a", "white space"),
    (" ", "white space"),
    ("a\u{7}b", "control character"),
];

/// Names and tags that may be made of data, and that a template does not have.
pub const ONLY_AT_RUN_TIME: &[&str] = &["a::b", ":a", "a:"];

/// Times, and if they are accepted as a TTL.
pub const TIMES: &[(&str, bool)] = &[
    ("250ms", true),
    ("90", true),
    ("1h30m", true),
    ("1h 30m", true),
    ("36500d", true),
    ("36500d1ms", false),
    ("99999999999999999999s", false),
    ("0", false),
    ("0h0m", false),
    (" 5m", false),
    ("5m ", false),
    ("5 m", false),
    ("5min", false),
    ("5M", false),
    ("1.5h", false),
    ("1h30", false),
    ("-5s", false),
    ("", false),
];
