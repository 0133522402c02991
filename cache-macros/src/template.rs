//! Templates: `"{video_id}:{user.lang}"`, as text and the names in placeholders.

use cache_syntax::{
    key_prefix_fault, name_fault, parse_template, prefix_fault, sample, segment_fault, tag_fault,
};

/// One piece of a template as written.
#[derive(Debug, PartialEq)]
pub(crate) enum ParsedPiece {
    Text(String),
    /// `{root.field.0}`: the names between the dots. `{root.field.0?}` is optional.
    Placeholder {
        names: Vec<String>,
        optional: bool,
    },
}

/// The options that take a placeholder with `?`.
pub(crate) const OMISSIBLE: &str = "a placeholder with `?` is only accepted in `tags`, and in the `prefix` of `#[cache_invalidate]` and \
                                    `#[cache_put]`";

/// The kind of a text, and its rule.
#[derive(Clone, Copy)]
pub(crate) struct Rule {
    kind: &'static str,
    fault: fn(&str) -> Option<&'static str>,
    /// True if a `None` may leave out the whole text.
    omissible: bool,
}

impl Rule {
    pub(crate) const NAME: Rule = Rule { kind: "name", fault: name_fault, omissible: false };
    pub(crate) const TAG: Rule = Rule { kind: "tag", fault: tag_fault, omissible: true };
    pub(crate) const PREFIX: Rule = Rule { kind: "prefix", fault: prefix_fault, omissible: true };
    pub(crate) const KEY_PREFIX: Rule =
        Rule { kind: "prefix", fault: key_prefix_fault, omissible: false };

    /// Returns true if the text may have values of the result of the function.
    pub(crate) fn knows_result(self) -> bool {
        self.omissible && self.kind == "prefix"
    }

    /// Checks a text that holds no values.
    pub(crate) fn check(self, text: &str) -> Result<(), String> {
        self.refuse(text, (self.fault)(text))
    }

    fn refuse(self, text: &str, fault: Option<&str>) -> Result<(), String> {
        let kind = self.kind;
        fault.map_or(Ok(()), |fault| Err(format!("the {kind} {text:?} cannot be used: {fault}")))
    }
}

/// Splits a template of such a text. The error describes the mistake.
pub(crate) fn parse(template: &str, rule: Rule) -> Result<Vec<ParsedPiece>, String> {
    let pieces = parse_template(template)?;
    let sample = sample(&pieces);
    // Only literal text can make an empty segment, because values are never empty.
    rule.refuse(template, (rule.fault)(&sample).or(segment_fault(&sample)))?;
    let piece = |piece| match piece {
        cache_syntax::Piece::Text(text) => Ok(ParsedPiece::Text(text.into_owned())),
        cache_syntax::Piece::Placeholder(inside) => placeholder(inside, rule),
    };
    pieces.into_iter().map(piece).collect()
}

/// Returns the names of `root.field.0`, or of `root.field.0?`.
fn placeholder(inside: &str, rule: Rule) -> Result<ParsedPiece, String> {
    let optional = inside.strip_suffix('?').and_then(|required| names(required).ok());
    if optional.is_some() && !rule.omissible {
        return Err(format!(
            "`{{{inside}}}` leaves out the whole text where it is `None`: {OMISSIBLE}"
        ));
    }
    Ok(match optional {
        Some(names) => ParsedPiece::Placeholder { names, optional: true },
        None => ParsedPiece::Placeholder { names: names(inside)?, optional: false },
    })
}

fn names(inside: &str) -> Result<Vec<String>, String> {
    if inside.is_empty() {
        return Err("an empty placeholder `{}`: name the argument, like `{video_id}`".to_owned());
    }
    let names: Vec<&str> = inside.split('.').collect();
    let is_path = is_name(names[0]) && names[1..].iter().all(|name| is_field(name));
    if !is_path {
        return Err(format!(
            "`{{{inside}}}` is not an argument or a field of one, such as `{{user.lang}}`: a \
             placeholder cannot contain spaces, calls or formats"
        ));
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// Returns true if it is a name. Letters are checked first, because the parser ignores spaces and comments.
fn is_name(name: &str) -> bool {
    let plain = name.strip_prefix("r#").unwrap_or(name);
    plain.chars().all(|c| c == '_' || c.is_alphanumeric())
        && syn::parse_str::<NameOrKeyword>(name).is_ok()
}

fn is_field(name: &str) -> bool {
    let reserved = ["self", "Self", "super", "crate", "_"];
    is_index(name) || is_name(name) && !reserved.contains(&name)
}

fn is_index(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit()) && name.parse::<u32>().is_ok()
}

/// Keywords count too: a placeholder names `r#type` as `type`.
struct NameOrKeyword;

impl syn::parse::Parse for NameOrKeyword {
    fn parse(input: syn::parse::ParseStream<'_>) -> syn::Result<Self> {
        use syn::ext::IdentExt as _;
        input.call(syn::Ident::parse_any).map(|_| Self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed parse is a failed test")]

    use super::{ParsedPiece, Rule};

    fn parse(template: &str) -> Result<Vec<ParsedPiece>, String> {
        super::parse(template, Rule::NAME)
    }

    fn text(text: &str) -> ParsedPiece {
        ParsedPiece::Text(text.to_owned())
    }

    fn place(names: &[&str]) -> ParsedPiece {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        ParsedPiece::Placeholder { names, optional: false }
    }

    #[test]
    fn text_and_placeholders_alternate() {
        let pieces = parse("v:{video_id}:{user.lang.0}").unwrap();
        let expected = [text("v:"), place(&["video_id"]), text(":"), place(&["user", "lang", "0"])];
        assert_eq!(pieces, expected);
    }

    #[test]
    fn doubled_braces_are_characters() {
        assert_eq!(parse("{{a}}").unwrap(), [text("{a}")]);
        assert_eq!(parse("{a}{{{b}").unwrap(), [place(&["a"]), text("{"), place(&["b"])]);
    }

    #[test]
    fn raw_names_and_keywords_are_names() {
        assert_eq!(parse("{type}").unwrap(), [place(&["type"])]);
        assert_eq!(parse("{self.id}").unwrap(), [place(&["self", "id"])]);
    }

    #[test]
    fn a_tag_and_a_prefix_can_have_optional_values() {
        for rule in [Rule::TAG, Rule::PREFIX] {
            let names = vec!["user".to_owned(), "shelf".to_owned()];
            let optional = ParsedPiece::Placeholder { names, optional: true };
            assert_eq!(super::parse("a:{user.shelf?}", rule), Ok(vec![text("a:"), optional]));
            assert!(super::parse("a:{?}", rule).unwrap_err().contains("not an argument"));
            assert!(super::parse("a:{b??}", rule).unwrap_err().contains("not an argument"));
        }
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("{a", "without its `}`"),
            ("a}", "without its `{`"),
            ("{}", "empty placeholder"),
            ("{ a }", "`{ a }` is not an argument"),
            ("{a:?}", "`{a:?}` is not an argument"),
            ("{a.b()}", "`{a.b()}` is not an argument"),
            ("{0}", "`{0}` is not an argument"),
            ("{a.self}", "`{a.self}` is not an argument"),
            ("{a.+1}", "`{a.+1}` is not an argument"),
            ("{a.}", "`{a.}` is not an argument"),
            ("{a?}", "only accepted in `tags`, and in the `prefix`"),
            ("{a}{b.c}", "`{a}:{b.c}`"),
            (" {a}", "the name \" {a}\" cannot be used: it begins or ends with white space"),
            ("{a}:", "ends with `:`"),
            ("{a}::b", "empty segment"),
        ];
        for (template, part) in cases {
            let error = parse(template).unwrap_err();
            assert!(error.contains(part), "{template}: {error}");
        }
    }
}
