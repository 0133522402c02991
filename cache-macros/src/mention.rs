//! Finds out if an expression uses an argument. It inspects only the tokens, so it also covers macros.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
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

    use super::mentions;

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
