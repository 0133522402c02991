//! Finds out if an expression uses an argument. It inspects only the tokens, so it also covers macros.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt as _;

/// Returns true if these tokens contain `name`, also in a string that captures it: `format!("{name}")`. In
/// doubt, the result is true.
pub(crate) fn mentions(tokens: &impl ToTokens, name: &Ident) -> bool {
    mention(tokens, name).is_some()
}

/// Returns the place of the first token in which these contain `name`.
pub(crate) fn mention(tokens: &impl ToTokens, name: &Ident) -> Option<Span> {
    let name = name.unraw().to_string();
    first(tokens.to_token_stream(), &name)
}

/// Returns the place of the first token in which these use a variable of this name. A field, a method, a function or a
/// path of that name is none.
pub(crate) fn variable(tokens: &impl ToTokens, name: &str) -> Option<Span> {
    used(tokens.to_token_stream(), name)
}

fn used(tokens: TokenStream, name: &str) -> Option<Span> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    tokens.iter().enumerate().find_map(|(at, token)| match token {
        TokenTree::Group(group) => used(group.stream(), name),
        TokenTree::Ident(ident) if ident.unraw() == name => {
            let (before, after) = tokens.split_at(at);
            is_variable(before, &after[1..]).then(|| ident.span())
        }
        TokenTree::Literal(literal) => {
            let text = literal.to_string();
            let is_captured = [format!("{{{name}}}"), format!("{{{name}:")]
                .iter()
                .any(|captured| text.contains(captured));
            is_captured.then(|| literal.span())
        }
        TokenTree::Ident(_) | TokenTree::Punct(_) => None,
    })
}

fn is_variable(before: &[TokenTree], after: &[TokenTree]) -> bool {
    let is = |token: &TokenTree, sign| matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign);
    let in_path = match after {
        [TokenTree::Group(group), ..] => group.delimiter() == Delimiter::Parenthesis,
        [first, second, ..] => is(first, ':') && is(second, ':'),
        _ => false,
    };
    let of_another = match before {
        [.., first, second] if is(second, '.') => !is(first, '.'),
        [.., first, second] => is(first, ':') && is(second, ':'),
        [only] => is(only, '.'),
        [] => false,
    };
    !in_path && !of_another
}

fn first(tokens: TokenStream, name: &str) -> Option<Span> {
    tokens.into_iter().find_map(|token| {
        let span = token.span();
        let is_name = match token {
            TokenTree::Group(group) => return first(group.stream(), name),
            TokenTree::Ident(ident) => ident.unraw() == name,
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                text.contains('{') && text.contains(name)
            }
            TokenTree::Punct(_) => false,
        };
        is_name.then_some(span)
    })
}

#[cfg(test)]
mod tests {
    use quote::{format_ident, quote};

    use super::{mentions, variable};

    #[test]
    fn a_variable_is_no_field_method_function_or_path() {
        for tokens in [
            quote!(result),
            quote!(get(db, result.id)),
            quote!(get(&format!("{}", result))),
            quote!(get(&format!("{result:?}"))),
            quote!(get(0..result)),
        ] {
            assert!(variable(&tokens, "result").is_some(), "{tokens}");
        }
        for tokens in [
            quote!(self.result),
            quote!(self.result(1)),
            quote!(result(id)),
            quote!(result::get(id)),
            quote!(db::result),
            quote!(get("result", results)),
        ] {
            assert!(variable(&tokens, "result").is_none(), "{tokens}");
        }
    }

    #[test]
    fn a_name_is_seen_wherever_it_stands() {
        let name = format_ident!("id");
        for tokens in [
            quote!(id),
            quote!((1, [user.id(), { id }])),
            quote!(vec![format!("{}", id)]),
            quote!(format!("{id:>5}")),
            quote!(|| r#id),
        ] {
            assert!(mentions(&tokens, &name), "{tokens}");
        }
        for tokens in [quote!(["a", "b"]), quote!(ident("id")), quote!(format!("{}", ids))] {
            assert!(!mentions(&tokens, &name), "{tokens}");
        }
    }
}
