//! Names with places for values: `video:{id}`.

use std::fmt;

/// A name, segment by segment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern(Vec<Segment>);

/// What is between two colons.
#[derive(Clone, Debug, PartialEq)]
struct Segment {
    /// The texts before, between and after the values; with no value it is one text.
    texts: Vec<String>,
    /// The values, as they are written.
    values: Vec<String>,
    /// Whether it is a function's name, which no value is taken to be.
    is_function: bool,
}

impl Pattern {
    /// A name without values.
    pub(super) fn literal(name: &str) -> Self {
        Pattern(name.split(':').map(Segment::literal).collect())
    }

    /// The name of a function, as a segment.
    pub(super) fn function(name: &str) -> Self {
        Pattern(vec![Segment { is_function: true, ..Segment::literal(name) }])
    }

    /// A template as it is written in an attribute.
    pub(super) fn template(text: &str) -> Self {
        let mut segments = vec![Segment::literal("")];
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let last = segments.len() - 1;
            rest = &rest[next.len_utf8()..];
            match next {
                ':' => segments.push(Segment::literal("")),
                '{' | '}' if rest.starts_with(next) => {
                    segments[last].push(next);
                    rest = &rest[1..];
                }
                '{' => {
                    let (value, after) = rest.split_once('}').unwrap_or((rest, ""));
                    segments[last].texts.push(String::new());
                    segments[last].values.push(value.to_owned());
                    rest = after;
                }
                _ => segments[last].push(next),
            }
        }
        Pattern(segments)
    }

    /// This, and below it that.
    pub(super) fn above(mut self, below: Pattern) -> Self {
        self.0.extend(below.0);
        self
    }

    /// What is before each `:`, the shortest first.
    pub(super) fn parents(&self) -> impl Iterator<Item = Pattern> {
        (1..self.0.len()).map(|end| Pattern(self.0[..end].to_vec()))
    }

    /// As it is written.
    pub(super) fn written(&self) -> String {
        self.0.iter().map(Segment::written).collect::<Vec<_>>().join(":")
    }

    /// Whether there are values that make one name of both.
    pub(super) fn meets(&self, other: &Pattern) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.meets(b))
    }
}

impl Segment {
    fn literal(text: &str) -> Self {
        Segment { texts: vec![text.to_owned()], values: Vec::new(), is_function: false }
    }

    fn push(&mut self, letter: char) {
        if let Some(last) = self.texts.last_mut() {
            last.push(letter);
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

/// Whether these texts, with something between each, can make that one.
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

/// As it would be written, with `{}` for each value.
impl fmt::Display for Pattern {
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

/// Braces that are letters, as a template has them.
fn doubled(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn meet(a: &str, b: &str) -> bool {
        let (a, b) = (Pattern::template(a), Pattern::template(b));
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
    fn doubled_braces_are_letters() {
        assert_eq!(Pattern::template("{{a}}"), Pattern::literal("{a}"));
        assert_eq!(Pattern::template("{a}{{x").to_string(), "{}{{x");
        assert_eq!(Pattern::template("v{{:-{a.0}-{b}:x").written(), "v{{:-{a.0}-{b}:x");
    }

    #[test]
    fn a_functions_name_is_met_by_itself_alone() {
        let name = Pattern::literal("v").above(Pattern::function("get"));
        assert!(name.meets(&Pattern::template("v:get")));
        assert!(!name.meets(&Pattern::template("v:{id}")));
        assert!(!name.meets(&Pattern::template("v:g{id}")));
    }

    #[test]
    fn parents_are_cut_at_colons() {
        let name = Pattern::template("a:{b}:c");
        assert_eq!(
            name.parents().map(|parent| parent.to_string()).collect::<Vec<_>>(),
            ["a", "a:{}"]
        );
    }
}
