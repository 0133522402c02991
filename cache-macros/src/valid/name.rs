//! Names of entries and tags: prefixes, and templates over the arguments.

use proc_macro2::Span;
use syn::{Expr, ExprArray, Ident, Index, LitStr, Member};

use super::literal::{as_string, at, of_any_type, peel, string, wrong_kind};
use super::scope::Scope;
use crate::attr::Written;
use crate::error::Errors;
use crate::mention::{mention, variable};
use crate::spec::{Piece, Prefix, RESULT, Tag, Template};
use crate::template::{self, OMISSIBLE, Rule};

pub(crate) fn prefix(given: &Written<Expr>) -> syn::Result<Prefix> {
    if let Some(text) = as_string(&given.value) {
        if text.value().contains("?}") {
            return Err(at(
                given,
                format!("`{}` is the same for all calls: {OMISSIBLE}", given.name),
            ));
        }
        let checked = Rule::KEY_PREFIX.check(&text.value());
        checked.map_err(|problem| at(given, format!("`{}`: {problem}", given.name)))?;
        return Ok(Prefix::Literal(text.clone()));
    }
    match peel(&given.value) {
        Expr::Path(path) if path.qself.is_none() => Ok(Prefix::Constant(path.path.clone())),
        _ => Err(wrong_kind(given, "a string or the name of a `const` string")),
    }
}

/// Returns the prefix of an invalidation.
pub(crate) fn prefix_template(given: &Written<Expr>, scope: &Scope) -> syn::Result<Template> {
    resolve(&given.name, string(given, "a template string")?, Rule::PREFIX, scope)
}

const TAGS: &str = "a list of templates, such as `[\"user:{user_id}\"]`, or of expressions";

/// Checks `tags = ["user:{user_id}", team.tag()]`.
pub(crate) fn tags(given: &Written<Expr>, scope: &Scope, errors: &mut Errors) -> Vec<Tag> {
    let Expr::Array(ExprArray { elems, .. }) = peel(&given.value) else {
        errors.push(wrong_kind(given, TAGS));
        return Vec::new();
    };
    if elems.is_empty() {
        errors.push(at(given, format!("`{}` names no tag: it takes {TAGS}", given.name)));
    }
    let tag = |element: &Expr| {
        let element = Written { name: given.name.clone(), value: element.clone() };
        errors.keep(tag(&element, scope))
    };
    elems.iter().filter_map(tag).collect()
}

fn tag(element: &Written<Expr>, scope: &Scope) -> syn::Result<Tag> {
    if let Some(text) = as_string(&element.value) {
        return resolve(&element.name, text, Rule::TAG, scope).map(Tag::Template);
    }
    if let Expr::Closure(_) = peel(&element.value)
        && !scope.has_result
    {
        let message =
            "`tags` are those of the arguments: `tags_of = |value| ..` gives tags of the value";
        return Err(at(element, message));
    }
    let value = of_any_type(element, TAGS)?;
    if let Some((id, Some(ids))) = &scope.each
        && let Some(place) = mention(value, ids)
    {
        let message = format!(
            "`{ids}` is all ids of a call, and each of them has tags of its own: use `{id}`"
        );
        return Err(syn::Error::new(place, message));
    }
    if scope.has_result
        && let Some(place) = variable(value, "result")
    {
        return Err(syn::Error::new(place, format!("`{}`: {TAG_OF_RESULT}", element.name)));
    }
    Ok(Tag::Value(value.clone()))
}

/// Returns the template of a key. Its placeholders are resolved among the arguments.
pub(crate) fn key_template(
    given: &Written<Expr>,
    accepted: &str,
    scope: &Scope,
) -> syn::Result<Template> {
    resolve(&given.name, string(given, accepted)?, Rule::NAME, scope)
}

const TAG_OF_RESULT: &str = "the result is only known after the body, and if the body fails, the tags that it could \
                            name cannot be found: use `prefix`, or a tag of the arguments";

fn resolve(option: &Ident, text: &LitStr, rule: Rule, scope: &Scope) -> syn::Result<Template> {
    resolve_with(option, text, rule, |root| match scope.find(&root) {
        Some(argument) => Ok(argument.clone()),
        None if scope.has_result && root == "result" => match rule.knows_result() {
            true => Ok(Ident::new(RESULT, Span::mixed_site())),
            false => Err(syn::Error::new_spanned(text, format!("`{option}`: {TAG_OF_RESULT}"))),
        },
        None => {
            let message = match scope.one_of(&root) {
                Some(id) => format!(
                    "`{{{root}}}` is all ids of a call, and each of them has a name of its own: use `{{{id}}}`"
                ),
                None => format!("`{{{root}}}` is not an argument{}", scope.described()),
            };
            Err(syn::Error::new_spanned(text, message))
        }
    })
}

/// Returns a template in which `find` has resolved the first name of each placeholder.
pub(crate) fn resolve_with(
    option: &Ident,
    text: &LitStr,
    rule: Rule,
    mut find: impl FnMut(Ident) -> syn::Result<Ident>,
) -> syn::Result<Template> {
    let pieces = template::parse(&text.value(), rule).map_err(|problem| {
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

/// Returns the advice for a `key` template that formats a value or calls a function.
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
    piece: template::ParsedPiece,
    text: &LitStr,
    find: &mut impl FnMut(Ident) -> syn::Result<Ident>,
) -> syn::Result<Piece> {
    let (names, optional) = match piece {
        template::ParsedPiece::Text(text) => return Ok(Piece::Text(text)),
        template::ParsedPiece::Placeholder { names, optional } => (names, optional),
    };
    let mut root = find(identifier(&names[0], text.span()))?;
    // The name is resolved like the argument, but errors of the compiler are shown at the template.
    root.set_span(text.span().resolved_at(root.span()));
    // With the hygiene of a generated name, the compiler does not suggest a similar field in place of the
    // whole template.
    let here = text.span().resolved_at(Span::mixed_site());
    let fields = names[1..].iter().map(|name| member(name, here)).collect();
    Ok(Piece::Place { root, fields, optional })
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
