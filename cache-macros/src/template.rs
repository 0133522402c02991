//! Templates: `"{video_id}:{user.lang}"`, as text and placeholders.

/// One piece of a template.
#[derive(Debug, PartialEq)]
pub(crate) enum Piece {
    Text(String),
    /// `{root.field.0}`: the names between the dots.
    Placeholder(Vec<String>),
}

/// Splits a template; the error says what is wrong with it.
pub(crate) fn parse(template: &str) -> Result<Vec<Piece>, String> {
    if template.is_empty() {
        return Err("the template is empty".to_owned());
    }
    let pieces = split(template)?;
    check_neighbours(&pieces)?;
    check_segments(&pieces)?;
    Ok(pieces)
}

fn split(template: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some(next) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
            text.push(next);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            push_text(&mut pieces, &mut text);
            let (inside, after) = after.split_once('}').ok_or_else(unclosed)?;
            pieces.push(Piece::Placeholder(placeholder(inside)?));
            rest = after;
        } else if next == '}' {
            return Err("a `}` without its `{`: write `}}` for the character".to_owned());
        } else {
            text.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    push_text(&mut pieces, &mut text);
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, text: &mut String) {
    if !text.is_empty() {
        pieces.push(Piece::Text(std::mem::take(text)));
    }
}

fn unclosed() -> String {
    "a `{` without its `}`: write `{{` for the character".to_owned()
}

/// The names of `root.field.0`.
fn placeholder(inside: &str) -> Result<Vec<String>, String> {
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

/// Checked by letters first, as the parser sees through spaces and comments.
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

fn check_neighbours(pieces: &[Piece]) -> Result<(), String> {
    let touching = pieces.windows(2).find_map(|pair| match pair {
        [Piece::Placeholder(a), Piece::Placeholder(b)] => Some((a.join("."), b.join("."))),
        _ => None,
    });
    match touching {
        None => Ok(()),
        Some((a, b)) => Err(format!(
            "`{{{a}}}{{{b}}}` have no separator, so different arguments could give the \
             same name: put a `:` between, `{{{a}}}:{{{b}}}`"
        )),
    }
}

/// A name is cut at its colons, so an empty segment would be a tag that nothing else has.
fn check_segments(pieces: &[Piece]) -> Result<(), String> {
    let text = |piece: Option<&Piece>| match piece {
        Some(Piece::Text(text)) => text.clone(),
        _ => String::new(),
    };
    check_start(&text(pieces.first()))?;
    check_end(&text(pieces.last()))?;
    pieces.iter().try_for_each(|piece| check_text(&text(Some(piece))))
}

/// What no name may begin with.
pub(crate) fn check_start(text: &str) -> Result<(), String> {
    match text.chars().next() {
        Some('#') => Err("a name must not begin with `#`, which is reserved".to_owned()),
        Some(':') => Err("a name must not begin with `:`".to_owned()),
        Some(c) if c.is_whitespace() => Err("a name must not begin with white space".to_owned()),
        _ => Ok(()),
    }
}

/// What no name may end with.
pub(crate) fn check_end(text: &str) -> Result<(), String> {
    match text.chars().next_back() {
        Some(':') => Err("a name must not end with `:`".to_owned()),
        Some(c) if c.is_whitespace() => Err("a name must not end with white space".to_owned()),
        _ => Ok(()),
    }
}

/// What no name may contain.
pub(crate) fn check_text(text: &str) -> Result<(), String> {
    if text.contains("::") {
        return Err("an empty segment `::` in a name: write one `:`".to_owned());
    }
    match text.chars().find(|c| c.is_control()) {
        Some(c) => Err(format!("a name must not contain the control character {c:?}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed parse is a failed test")]

    use super::{Piece, parse};

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    fn place(names: &[&str]) -> Piece {
        Piece::Placeholder(names.iter().map(|name| (*name).to_owned()).collect())
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
    fn mistakes_are_named() {
        let cases = [
            ("", "empty"),
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
            ("{a}{b.c}", "`{a}:{b.c}`"),
            ("#a", "reserved"),
            (":a", "begin with `:`"),
            ("a:", "end with `:`"),
            ("a::b", "empty segment"),
            (" {a}", "begin with white space"),
            ("{a}\u{2003}", "end with white space"),
            ("a\nb", "control character '\\n'"),
        ];
        for (template, part) in cases {
            let error = parse(template).unwrap_err();
            assert!(error.contains(part), "{template}: {error}");
        }
    }
}
