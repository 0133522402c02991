//! Patterns of names, with places for values: `video:{id}`.

use std::{fmt, mem};

use cache_syntax::{Piece, parse_template};

/// The tag of an expression, as the registry shows it.
const ANYTHING: &str = "{..}";

/// A name, segment by segment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NamePattern(Vec<Segment>);

/// The text between two colons.
#[derive(Clone, Debug, PartialEq)]
struct Segment {
    /// The texts before, between and after the values. Without values it is one text.
    texts: Vec<String>,
    /// The values, as they are written.
    values: Vec<String>,
    /// True if the segment is the name of a function, which counts as different from every value.
    is_function: bool,
}

impl NamePattern {
    /// Returns a name without values.
    pub(super) fn literal(name: &str) -> Self {
        NamePattern(name.split(':').map(Segment::literal).collect())
    }

    /// Returns the name of a function, as a segment.
    pub(super) fn function(name: &str) -> Self {
        NamePattern(vec![Segment { is_function: true, ..Segment::literal(name) }])
    }

    /// Reads a template as it is written in an attribute. Text that is not a template counts as a literal
    /// name, because the attribute has refused it.
    pub(super) fn template(text: &str) -> Self {
        let pieces = parse_template(text).unwrap_or_else(|_| vec![Piece::Text(text.into())]);
        let (mut segments, mut segment) = (Vec::new(), Segment::literal(""));
        for piece in pieces {
            match piece {
                Piece::Text(text) => {
                    let mut parts = text.split(':');
                    segment.push(parts.next().unwrap_or_default());
                    for part in parts {
                        segments.push(mem::replace(&mut segment, Segment::literal(part)));
                    }
                }
                Piece::Placeholder(value) => {
                    segment.texts.push(String::new());
                    segment.values.push(value.to_owned());
                }
            }
        }
        segments.push(segment);
        NamePattern(segments)
    }

    /// Returns this pattern followed by one below it.
    pub(super) fn above(mut self, below: NamePattern) -> Self {
        self.0.extend(below.0);
        self
    }

    /// Returns the names before each `:`, the shortest first.
    pub(super) fn parents(&self) -> impl Iterator<Item = NamePattern> {
        (1..self.0.len()).map(|end| NamePattern(self.0[..end].to_vec()))
    }

    /// Returns the pattern as text.
    pub(super) fn written(&self) -> String {
        self.0.iter().map(Segment::written).collect::<Vec<_>>().join(":")
    }

    /// Returns a pattern of all names, for the tags that an expression makes.
    pub(super) fn anything() -> Self {
        NamePattern::template(ANYTHING)
    }

    /// Returns true if it is a pattern of all names.
    pub(super) fn is_anything(&self) -> bool {
        matches!(&self.0[..], [segment] if segment.written() == ANYTHING)
    }

    /// Returns true if both patterns have a name in common.
    pub(super) fn meets(&self, other: &NamePattern) -> bool {
        if self.is_anything() || other.is_anything() {
            return true;
        }
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.meets(b))
    }

    /// Returns true if both have a name in common, and the other one has values only where this one has some.
    pub(super) fn is_meant_by(&self, other: &NamePattern) -> bool {
        let writes =
            |(own, given): (&Segment, &Segment)| !own.values.is_empty() || given.values.is_empty();
        self.meets(other) && self.0.iter().zip(&other.0).all(writes)
    }
}

impl Segment {
    fn literal(text: &str) -> Self {
        Segment { texts: vec![text.to_owned()], values: Vec::new(), is_function: false }
    }

    fn push(&mut self, text: &str) {
        if let Some(last) = self.texts.last_mut() {
            last.push_str(text);
        }
    }

    fn written(&self) -> String {
        let values = self.values.iter().map(|value| format!("{{{value}}}")).chain([String::new()]);
        let texts = self.texts.iter().map(|text| doubled(text));
        texts.zip(values).map(|(text, value)| text + &value).collect()
    }

    fn meets(&self, other: &Segment) -> bool {
        match (&self.texts[..], &other.texts[..]) {
            ([a], [b]) => a == b,
            _ if self.is_function || other.is_function => false,
            ([text], pattern) | (pattern, [text]) => matches(pattern, text),
            (a, b) => may_begin_alike(a, b) && may_end_alike(a, b),
        }
    }
}

/// Returns true if these texts, with any text between each two, can make `text`.
fn matches(texts: &[String], text: &str) -> bool {
    let [first, between @ .., last] = texts else { return false };
    let inner = text.strip_prefix(&**first).and_then(|rest| rest.strip_suffix(&**last));
    let mut rest = inner;
    for part in between {
        rest = rest.and_then(|rest| rest.split_once(&**part)).map(|(_, after)| after);
    }
    rest.is_some()
}

fn may_begin_alike(a: &[String], b: &[String]) -> bool {
    match (a.first(), b.first()) {
        (Some(a), Some(b)) => a.starts_with(&**b) || b.starts_with(&**a),
        _ => false,
    }
}

fn may_end_alike(a: &[String], b: &[String]) -> bool {
    match (a.last(), b.last()) {
        (Some(a), Some(b)) => a.ends_with(&**b) || b.ends_with(&**a),
        _ => false,
    }
}

/// Writes the pattern with `{}` for each value.
impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segments = self.0.iter().map(Segment::to_string);
        f.write_str(&segments.collect::<Vec<_>>().join(":"))
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.texts.iter().map(|text| doubled(text));
        f.write_str(&texts.collect::<Vec<_>>().join("{}"))
    }
}

/// Doubles the braces of a literal text, as in a template.
fn doubled(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

#[cfg(test)]
mod tests {
    use super::NamePattern;

    fn meet(a: &str, b: &str) -> bool {
        let (a, b) = (NamePattern::template(a), NamePattern::template(b));
        assert_eq!(a.meets(&b), b.meets(&a), "the order of {a} and {b} must not count");
        a.meets(&b)
    }

    #[test]
    fn a_value_may_be_any_text_of_one_segment() {
        for (a, b) in [
            ("v", "v"),
            ("v:{id}", "v:{other.id}"),
            ("v:{id}", "v:latest"),
            ("v:{a}-{b}", "v:1-2"),
            ("v:{a}-{b}-x", "v:1-2-3-x"),
            ("{a}x", "y{b}"),
        ] {
            assert!(meet(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("v", "w"),
            ("v:{id}", "v"),
            ("v:{id}", "v:1:2"),
            ("v:{a}-{b}", "v:12"),
            ("a{x}", "b{y}"),
            ("{x}a", "{y}b"),
        ] {
            assert!(!meet(a, b), "{a} {b}");
        }
    }

    #[test]
    fn the_tag_of_an_expression_may_be_any_name() {
        for other in ["a", "a:{b}:c", "{..}", "{a}"] {
            assert!(meet("{..}", other), "{other}");
        }
        assert!(!meet("a:{..}", "b:c"), "a field of this name cannot be written");
        assert!(NamePattern::anything().is_anything());
    }

    #[test]
    fn doubled_braces_are_letters() {
        assert_eq!(NamePattern::template("{{a}}"), NamePattern::literal("{a}"));
        assert_eq!(NamePattern::template("{a}{{x").to_string(), "{}{{x");
        assert_eq!(NamePattern::template("v{{:-{a.0}-{b}:x").written(), "v{{:-{a.0}-{b}:x");
    }

    #[test]
    fn a_name_is_meant_by_one_that_writes_what_is_the_same_for_all() {
        let is_meant = |own: &str, given: &str| {
            NamePattern::template(own).is_meant_by(&NamePattern::template(given))
        };
        for given in ["user:{id}", "user:0", "user:{a}-{b}"] {
            assert!(is_meant("user:{user.id}", given), "{given}");
        }
        for given in ["{kind}:{id}", "{kind}:0", "users:{id}", "user", "user:{id}:{more}"] {
            assert!(!is_meant("user:{user.id}", given), "{given}");
        }
    }

    #[test]
    fn a_functions_name_is_met_by_itself_alone() {
        let name = NamePattern::literal("v").above(NamePattern::function("get"));
        assert!(name.meets(&NamePattern::template("v:get")));
        assert!(!name.meets(&NamePattern::template("v:{id}")));
        assert!(!name.meets(&NamePattern::template("v:g{id}")));
    }

    #[test]
    fn parents_are_cut_at_colons() {
        let name = NamePattern::template("a:{b}:c");
        assert_eq!(
            name.parents().map(|parent| parent.to_string()).collect::<Vec<_>>(),
            ["a", "a:{}"]
        );
    }
}
