//! Finds out if an expression uses an argument. It inspects only the tokens, so it also covers macros.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt as _;

/// Returns true if these tokens contain `name`, also in a string that captures it: `format!("{name}")`. In
/// doubt, the result is true.
pub(crate) fn mentions(tokens: &impl ToTokens, name: &Ident) -> bool {
    let name = name.unraw().to_string();
    any(tokens.to_token_stream(), &name)
}

fn any(tokens: TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => any(group.stream(), name),
        TokenTree::Ident(ident) => ident.unraw() == name,
        TokenTree::Literal(literal) => {
            let text = literal.to_string();
            text.contains('{') && text.contains(name)
        }
        TokenTree::Punct(_) => false,
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
