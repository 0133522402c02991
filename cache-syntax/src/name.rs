//! Names, tags and prefixes.
//!
//! The rules can be evaluated at compile time, for the prefix of an attribute that is a constant.

/// The number of segments that a prefix may have: the tags of a name are its first six prefixes.
pub const MAX_SEGMENTS: usize = 6;

/// The longest text that is accepted, in bytes.
const MAX_GIVEN: usize = 4096;

const EMPTY: &str = "it is empty";
const RESERVED: &str = "text that begins with `#` is reserved for the cache's own data";
const TOO_LONG: &str = "it is longer than 4096 bytes";
const CONTROL: &str =
    "it contains a control character; use a template or `cache_runtime::escape` for values";
const WHITE_END: &str =
    "it begins or ends with white space; use a template or `cache_runtime::escape` for values";
const TAG_PATTERN: &str = "it contains a pattern (`*`, `?` or `[`), but a tag is matched as a whole: use `clear` for \
                           patterns, and a template or `cache_runtime::escape` for values in a tag";
const PREFIX_PATTERN: &str = "it contains a pattern (`*`, `?` or `[`), but a prefix covers everything below it anyway \
                              (`video` instead of `video:*`): use `clear` for patterns, and a template or \
                              `cache_runtime::escape` for values in a prefix";
const EMPTY_SEGMENT: &str = "it has an empty segment: write one `:` between two segments";
const COLON_END: &str = "it ends with `:`; leave that out";
const TOO_MANY: &str = "it has more than 6 segments, but only the first 6 segments of a name are prefixes; for more, use \
                        a tag or `clear(pattern)`";
const WHITE: &str = "it contains white space, which a key prefix cannot contain";
const BRACES: &str = "it contains a brace, but a key prefix is the same for all arguments: templates belong in `key`, and \
                      additional names to invalidate by in `tags`";

/// Says what is wrong with the name of an entry; `None` if it can be used.
///
/// ```
/// assert_eq!(cache_syntax::name_fault("user:42:profile"), None);
/// assert_eq!(cache_syntax::name_fault(""), Some("it is empty"));
/// ```
pub const fn name_fault(name: &str) -> Option<&'static str> {
    let bytes = name.as_bytes();
    if bytes.is_empty() {
        return Some(EMPTY);
    }
    if bytes[0] == b'#' {
        return Some(RESERVED);
    }
    if bytes.len() > MAX_GIVEN {
        return Some(TOO_LONG);
    }
    let mut chars = Chars(bytes);
    let (mut is_first, mut is_white) = (true, false);
    let mut begins_white = false;
    while let Some(char) = chars.next() {
        if is_control(char) {
            return Some(CONTROL);
        }
        is_white = char.is_whitespace();
        begins_white |= is_first && is_white;
        is_first = false;
    }
    if begins_white || is_white { Some(WHITE_END) } else { None }
}

/// Says what is wrong with a tag; `None` if it can be used.
///
/// ```
/// assert_eq!(cache_syntax::tag_fault("user:42"), None);
/// assert!(cache_syntax::tag_fault("user:*").is_some_and(|fault| fault.contains("pattern")));
/// ```
pub const fn tag_fault(tag: &str) -> Option<&'static str> {
    match name_fault(tag) {
        None if has_pattern(tag) => Some(TAG_PATTERN),
        fault => fault,
    }
}

/// Says what is wrong with a prefix to invalidate by; `None` if it can be used.
///
/// ```
/// assert_eq!(cache_syntax::prefix_fault("video:meta"), None);
/// assert!(cache_syntax::prefix_fault("video:").is_some_and(|fault| fault.contains("ends with `:`")));
/// ```
pub const fn prefix_fault(prefix: &str) -> Option<&'static str> {
    match name_fault(prefix) {
        None if has_pattern(prefix) => Some(PREFIX_PATTERN),
        None => match segment_fault(prefix) {
            None if segments(prefix) > MAX_SEGMENTS => Some(TOO_MANY),
            fault => fault,
        },
        fault => fault,
    }
}

/// Says what is wrong with the prefix of all names of a function; `None` if it can be used. It is a
/// [prefix](prefix_fault) that has neither white space nor braces.
///
/// ```
/// assert_eq!(cache_syntax::key_prefix_fault("video:meta"), None);
/// assert!(cache_syntax::key_prefix_fault("video:{id}").is_some_and(|fault| fault.contains("brace")));
/// ```
pub const fn key_prefix_fault(prefix: &str) -> Option<&'static str> {
    if let Some(fault) = prefix_fault(prefix) {
        return Some(fault);
    }
    let mut chars = Chars(prefix.as_bytes());
    while let Some(char) = chars.next() {
        if char.is_whitespace() {
            return Some(WHITE);
        }
        if matches!(char, '{' | '}') {
            return Some(BRACES);
        }
    }
    None
}

/// Says if a text has an empty segment; `None` if it has none. Segments are separated by `:`.
///
/// ```
/// assert_eq!(cache_syntax::segment_fault("a:b"), None);
/// assert!(cache_syntax::segment_fault("a::b").is_some());
/// ```
pub const fn segment_fault(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    let mut i = 0;
    let mut is_empty = true;
    while i < bytes.len() {
        if bytes[i] == b':' && is_empty {
            return Some(EMPTY_SEGMENT);
        }
        is_empty = bytes[i] == b':';
        i += 1;
    }
    if is_empty { Some(COLON_END) } else { None }
}

/// Returns the prefixes of a name by which it can be invalidated: cut at each of the first six `:`, the shortest first.
///
/// ```
/// let prefixes: Vec<_> = cache_syntax::prefixes("video:meta:42").collect();
/// assert_eq!(prefixes, ["video", "video:meta"]);
/// ```
pub fn prefixes(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices(':')
        .take(MAX_SEGMENTS)
        .map(|(end, _)| &name[..end])
        .filter(|prefix| !prefix.is_empty())
}

const fn has_pattern(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        if matches!(bytes[i], b'*' | b'?' | b'[') {
            return true;
        }
        i += 1;
    }
    false
}

const fn segments(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut count, mut i) = (1, 0);
    while i < bytes.len() {
        count += (bytes[i] == b':') as usize;
        i += 1;
    }
    count
}

/// Does the same as `char::is_control`, at compile time.
const fn is_control(char: char) -> bool {
    matches!(char, '\0'..='\x1f' | '\x7f'..='\u{9f}')
}

/// The characters of UTF-8, at compile time.
struct Chars<'t>(&'t [u8]);

impl Chars<'_> {
    const fn next(&mut self) -> Option<char> {
        let [first, after @ ..] = self.0 else { return None };
        let (mut code, mut more) = match *first {
            byte @ 0..=0x7f => (byte as u32, 0),
            byte @ 0x80..=0xdf => ((byte & 0x1f) as u32, 1),
            byte @ 0xe0..=0xef => ((byte & 0x0f) as u32, 2),
            byte => ((byte & 0x07) as u32, 3),
        };
        self.0 = after;
        while let ([next, after @ ..], 1..) = (self.0, more) {
            code = code << 6 | (*next & 0x3f) as u32;
            self.0 = after;
            more -= 1;
        }
        char::from_u32(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_decoded_as_the_standard_library_does() {
        for text in ["", "a", "aä€😀\u{10ffff}\0\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}"] {
            let mut chars = Chars(text.as_bytes());
            let decoded: String = std::iter::from_fn(|| chars.next()).collect();
            assert_eq!(decoded, text);
        }
        assert!(('\0'..='\u{2fff}').all(|char| is_control(char) == char.is_control()));
    }

    #[test]
    fn each_kind_of_text_has_the_faults_of_the_ones_before_it() {
        // Each text, the number of kinds that accept it (of name, tag, prefix, key prefix, in this order),
        // and the fault.
        let table = [
            ("video", 4, ""),
            ("video:meta", 4, ""),
            ("a:b:c:d:e:f", 4, ""),
            ("vidéo", 4, ""),
            ("a#b", 4, ""),
            ("100%", 4, ""),
            ("a b", 3, "white space"),
            ("a\u{2003}b", 3, "white space"),
            ("a{b", 3, "brace"),
            ("a:{b}", 3, "brace"),
            ("a::b", 2, "empty segment"),
            (":a", 2, "empty segment"),
            (":", 2, "empty segment"),
            ("a:", 2, "ends with `:`"),
            ("a:b:c:d:e:f:g", 2, "more than 6 segments"),
            ("a*", 1, "a tag is matched as a whole"),
            ("?", 1, "a tag is matched as a whole"),
            ("a[b", 1, "a tag is matched as a whole"),
            ("", 0, "empty"),
            ("#", 0, "reserved"),
            ("#a", 0, "reserved"),
            (" ", 0, "white space"),
            (" a", 0, "white space"),
            ("a\u{2003}", 0, "white space"),
            ("a\nb", 0, "control character"),
            ("a\u{85}", 0, "control character"),
            ("\0", 0, "control character"),
        ];
        for (text, accepted, part) in table {
            let faults =
                [name_fault(text), tag_fault(text), prefix_fault(text), key_prefix_fault(text)];
            for (kind, fault) in faults.iter().enumerate() {
                assert_eq!(fault.is_none(), kind < accepted, "{text:?}, {kind}: {fault:?}");
            }
            let first = faults.get(accepted).copied().flatten().unwrap_or_default();
            assert!(first.contains(part), "{text:?}: {first}");
        }
        assert!(name_fault(&"x".repeat(MAX_GIVEN)).is_none());
        assert!(name_fault(&"x".repeat(MAX_GIVEN + 1)).is_some_and(|it| it.contains("4096")));
        assert!(prefix_fault("user:*").is_some_and(|it| it.contains("everything below it")));
    }

    #[test]
    fn prefixes_are_cut_at_colons() {
        let of = |name| prefixes(name).collect::<Vec<_>>();
        assert_eq!(of("a:b:c"), ["a", "a:b"]);
        assert_eq!(of("a:b:"), ["a", "a:b"]);
        assert_eq!(of(":a"), [""; 0]);
        assert_eq!(of("plain"), [""; 0]);
        assert_eq!(of("1:2:3:4:5:6:7:8").last(), Some(&"1:2:3:4:5:6"));
        assert_eq!(of("1:2:3:4:5:6:7:8").len(), MAX_SEGMENTS);
    }

    #[test]
    fn every_prefix_of_a_name_can_be_invalidated() {
        assert!(prefixes("1:2:3:4:5:6:7:8").all(|prefix| prefix_fault(prefix).is_none()));
    }
}
