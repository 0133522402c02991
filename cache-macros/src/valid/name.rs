//! Names of entries and tags: prefixes, and templates over the arguments.

use proc_macro2::Span;
use syn::{Expr, ExprArray, Ident, Index, LitStr, Member};

use super::literal::{as_string, at, peel, string, wrong_kind};
use super::scope::Scope;
use crate::attr::Written;
use crate::error::Errors;
use crate::spec::{Piece, Prefix, Template};
use crate::template;

/// How many segments of a name count as tags.
const MAX_SEGMENTS: usize = 6;

pub(crate) fn prefix(given: &Written<Expr>) -> syn::Result<Prefix> {
    if let Some(text) = as_string(&given.value) {
        let checked = check_prefix(&text.value());
        checked.map_err(|problem| at(given, format!("`{}`: {problem}", given.name)))?;
        refuse_pattern(given, text, BELOW)?;
        return Ok(Prefix::Literal(text.clone()));
    }
    match peel(&given.value) {
        Expr::Path(path) if path.qself.is_none() => Ok(Prefix::Constant(path.path.clone())),
        _ => Err(wrong_kind(given, "a string or the name of a `const` string")),
    }
}

fn check_prefix(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("the prefix is empty".to_owned());
    }
    if text.contains(['{', '}']) {
        return Err("a prefix is the same for all arguments: templates belong in `key`, and \
                    additional names to invalidate by in `tags`"
            .to_owned());
    }
    if text.contains(char::is_whitespace) {
        return Err("a prefix must not contain whitespace".to_owned());
    }
    template::check_start(text)?;
    template::check_end(text)?;
    template::check_text(text)
}

/// What a prefix covers, as the answer to a pattern.
const BELOW: fn(&str) -> String = |literal| match literal.rsplit_once(':') {
    Some((parent, _)) => format!(": `{parent}` covers everything below it"),
    None => String::new(),
};

/// The same for a tag.
const WHOLE: fn(&str) -> String = |_| ": a tag is matched as a whole".to_owned();

/// No name that the cache makes holds a pattern's characters as such; `instead` is given what
/// stands before the first of them.
fn refuse_pattern(
    given: &Written<Expr>,
    text: &LitStr,
    instead: fn(&str) -> String,
) -> syn::Result<()> {
    let value = text.value();
    let Some(first) = value.find(['*', '?', '[']) else {
        return Ok(());
    };
    let instead = instead(&value[..first]);
    let message =
        format!("`{}` cannot contain a pattern{instead} (use `clear` for patterns)", given.name);
    Err(syn::Error::new_spanned(text, message))
}

/// The prefix of an invalidation.
pub(crate) fn prefix_template(given: &Written<Expr>, scope: &Scope) -> syn::Result<Template> {
    let accepted = "a template string";
    let template = template(given, accepted, scope)?;
    refuse_pattern(given, string(given, accepted)?, BELOW)?;
    let colons = template.pieces.iter().map(|piece| match piece {
        Piece::Text(text) => text.matches(':').count(),
        Piece::Place { .. } => 0,
    });
    let segments = 1 + colons.sum::<usize>();
    if segments > MAX_SEGMENTS {
        let message = format!(
            "`{}` has {segments} segments, and only the first {MAX_SEGMENTS} of a name can be \
             invalidated by: shorten it, or use a tag",
            given.name
        );
        return Err(at(given, message));
    }
    Ok(template)
}

/// `tags = ["user:{user_id}"]`
pub(crate) fn tags(given: &Written<Expr>, scope: &Scope, errors: &mut Errors) -> Vec<Template> {
    let accepted = "a list of strings, `[\"user:{user_id}\"]`";
    let Expr::Array(ExprArray { elems, .. }) = peel(&given.value) else {
        errors.push(wrong_kind(given, accepted));
        return Vec::new();
    };
    if elems.is_empty() {
        errors.push(at(given, format!("`{}` names no tag: it takes {accepted}", given.name)));
    }
    let template = |element: &Expr| {
        let element = Written { name: given.name.clone(), value: element.clone() };
        let text = string(&element, accepted).and_then(|text| {
            let template = resolve(&element.name, text, scope)?;
            refuse_pattern(&element, text, WHOLE).map(|()| template)
        });
        errors.keep(text)
    };
    elems.iter().filter_map(template).collect()
}

/// A template with its placeholders found among the arguments.
pub(crate) fn template(
    given: &Written<Expr>,
    accepted: &str,
    scope: &Scope,
) -> syn::Result<Template> {
    resolve(&given.name, string(given, accepted)?, scope)
}

fn resolve(option: &Ident, text: &LitStr, scope: &Scope) -> syn::Result<Template> {
    resolve_with(option, text, |root| match scope.find(&root) {
        Some(argument) => Ok(argument.clone()),
        None => {
            let message = format!("`{{{root}}}` is not an argument{}", scope.described());
            Err(syn::Error::new_spanned(text, message))
        }
    })
}

/// A template whose placeholders begin with what `find` makes of their first names.
pub(crate) fn resolve_with(
    option: &Ident,
    text: &LitStr,
    mut find: impl FnMut(Ident) -> syn::Result<Ident>,
) -> syn::Result<Template> {
    let pieces = template::parse(&text.value()).map_err(|problem| {
        let instead = instead_of_template(option, &text.value());
        syn::Error::new_spanned(text, format!("`{option}`: {problem}{instead}"))
    })?;
    let mut errors = Errors::default();
    let pieces = pieces
        .into_iter()
        .filter_map(|piece| errors.keep(resolve_piece(piece, text, &mut find)))
        .collect();
    errors.finish(Template { pieces, span: text.span() })
}

/// What takes the place of a `key` template that writes a value as `format!` does, or calls something.
fn instead_of_template(option: &Ident, template: &str) -> String {
    let Some((_, inside)) = template.split_once('{') else { return String::new() };
    let inside = inside.split('}').next().unwrap_or_default();
    let is_expression = inside.contains('(') && syn::parse_str::<Expr>(inside).is_ok();
    let is_format =
        inside.split_once(':').is_some_and(|(name, _)| syn::parse_str::<Ident>(name).is_ok());
    match (option == "key", is_expression, is_format) {
        (true, true, _) => format!(". An expression takes them: `key = {inside}`"),
        (true, _, true) => format!(". An expression takes one: `key = format!({template:?})`"),
        (false, true, _) | (false, _, true) => {
            ". It writes a value with its `Display`: give the function an argument, or a field of \
             one, that has the text wanted"
                .to_owned()
        }
        _ => String::new(),
    }
}

fn resolve_piece(
    piece: template::Piece,
    text: &LitStr,
    find: &mut impl FnMut(Ident) -> syn::Result<Ident>,
) -> syn::Result<Piece> {
    let names = match piece {
        template::Piece::Text(text) => return Ok(Piece::Text(text)),
        template::Piece::Placeholder(names) => names,
    };
    let mut root = find(identifier(&names[0], text.span()))?;
    // Named as the argument is, but what the compiler says of it belongs to the template.
    root.set_span(text.span().resolved_at(root.span()));
    // As a name of ours a field is not suggested in place of the whole template.
    let here = text.span().resolved_at(Span::mixed_site());
    let fields = names[1..].iter().map(|name| member(name, here)).collect();
    Ok(Piece::Place { root, fields })
}

fn member(name: &str, span: Span) -> Member {
    match name.parse() {
        Ok(index) => Member::Unnamed(Index { index, span }),
        Err(_) => Member::Named(identifier(name, span)),
    }
}

fn identifier(name: &str, span: Span) -> Ident {
    let name = name.strip_prefix("r#").unwrap_or(name);
    match name {
        "self" | "Self" | "super" | "crate" | "_" => Ident::new(name, span),
        _ if syn::parse_str::<Ident>(name).is_ok() => Ident::new(name, span),
        _ => Ident::new_raw(name, span),
    }
}
