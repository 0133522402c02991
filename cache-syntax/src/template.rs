//! Templates: `"{video_id}:{user.lang}"`, as text and placeholders.

use std::borrow::Cow;

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Text that stands as it is; doubled braces are single ones here.
    Text(Cow<'t, str>),
    /// The text between the braces of a placeholder.
    Placeholder(&'t str),
}

/// Splits a template into its parts. Two texts never follow each other, and neither do two placeholders.
///
/// ```
/// use cache_syntax::{Piece, parse_template};
///
/// let pieces = parse_template("video:{id}")?;
/// assert_eq!(pieces, [Piece::Text("video:".into()), Piece::Placeholder("id")]);
/// assert!(parse_template("video:{id").is_err());
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
/// Returns what is wrong with the template, and what to write instead. The text of a placeholder is not checked.
pub fn parse_template(template: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (text, from) = rest.split_at(at);
        push_text(&mut pieces, text);
        if from.starts_with("{{") || from.starts_with("}}") {
            push_text(&mut pieces, &from[..1]);
            rest = &from[2..];
        } else if let Some(inside) = from.strip_prefix('{') {
            let (inside, after) = inside
                .split_once('}')
                .ok_or("a `{` without its `}`: write `{{` for the character")?;
            push_placeholder(&mut pieces, inside)?;
            rest = after;
        } else {
            return Err("a `}` without its `{`: write `}}` for the character".to_owned());
        }
    }
    push_text(&mut pieces, rest);
    Ok(pieces)
}

fn push_text<'t>(pieces: &mut Vec<Piece<'t>>, text: &'t str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(before)) => before.to_mut().push_str(text),
        _ => pieces.push(Piece::Text(Cow::Borrowed(text))),
    }
}

fn push_placeholder<'t>(pieces: &mut Vec<Piece<'t>>, inside: &'t str) -> Result<(), String> {
    if let Some(Piece::Placeholder(before)) = pieces.last() {
        return Err(format!(
            "`{{{before}}}{{{inside}}}` have no separator, so different arguments could give the \
             same name: put a `:` between, `{{{before}}}:{{{inside}}}`"
        ));
    }
    pieces.push(Piece::Placeholder(inside));
    Ok(())
}

/// Renders a template with a letter for each value: the rules of names that hold for it hold for everything that the
/// template renders, since values are escaped and never empty.
///
/// ```
/// use cache_syntax::{parse_template, prefix_fault, sample};
///
/// let pieces = parse_template("video:{id}:")?;
/// assert_eq!(sample(&pieces), "video:x:");
/// assert!(prefix_fault(&sample(&pieces)).is_some());
/// # Ok::<(), String>(())
/// ```
pub fn sample(pieces: &[Piece<'_>]) -> String {
    let mut text = String::new();
    for piece in pieces {
        text.push_str(match piece {
            Piece::Text(text) => text,
            Piece::Placeholder(_) => "x",
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Piece<'_> {
        Piece::Text(text.into())
    }

    #[test]
    fn text_and_placeholders_alternate() {
        let expected = [
            text("v:"),
            Piece::Placeholder("video_id"),
            text(":"),
            Piece::Placeholder("user.lang.0"),
        ];
        assert_eq!(parse_template("v:{video_id}:{user.lang.0}"), Ok(expected.to_vec()));
        assert_eq!(parse_template(""), Ok(Vec::new()));
    }

    #[test]
    fn doubled_braces_are_characters() {
        assert_eq!(parse_template("{{a}}"), Ok(vec![text("{a}")]));
        let expected = [Piece::Placeholder("a"), text("{"), Piece::Placeholder("b")];
        assert_eq!(parse_template("{a}{{{b}"), Ok(expected.to_vec()));
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("{a", "without its `}`"),
            ("a}", "without its `{`"),
            ("{a}{b.c}", "`{a}:{b.c}`"),
            ("{{a}", "without its `{`"),
        ];
        for (template, part) in cases {
            let error = parse_template(template).err().unwrap_or_default();
            assert!(error.contains(part), "{template}: {error}");
        }
    }

    #[test]
    fn a_sample_has_text_in_the_place_of_each_value() {
        let sample_of = |template| parse_template(template).map(|pieces| sample(&pieces));
        assert_eq!(sample_of("a:{id}-{lang}{{"), Ok("a:x-x{".to_owned()));
        assert_eq!(sample_of(""), Ok(String::new()));
    }
}
