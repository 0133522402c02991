//! The macro `name!("doc:{id}-draft")`: a name in the form in which the template of an attribute renders it.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::{Expr, Ident, LitStr, Token, parse_quote_spanned};

use crate::error::Errors;
use crate::expand;
use crate::template::Rule;
use crate::valid::resolve_with;

/// The arguments between the parentheses.
pub(crate) struct Naming {
    template: LitStr,
    /// `id = 42`
    given: Vec<(Ident, Expr)>,
}

impl Parse for Naming {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let template = input.parse()?;
        let mut given = Vec::new();
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let name = input.call(Ident::parse_any)?;
            input.parse::<Token![=]>()?;
            given.push((name, input.parse()?));
        }
        Ok(Naming { template, given })
    }
}

// Input:
//
//     name!("doc:{id}-draft", id = next())
//
// Output (P is the runtime's private module):
//
//     match (&next(),) {
//         (__0,) => P::name(|w: &mut P::Renderer| {
//             w.text("doc:"); w.value(&__0, "-"); w.text("-draft");
//         }),
//     }
pub(crate) fn expand(naming: &Naming) -> syn::Result<TokenStream> {
    let Naming { template, given } = naming;
    let mut errors = Errors::default();
    let mut used = vec![false; given.len()];
    let resolved =
        resolve_with(&Ident::new("name", Span::call_site()), template, Rule::NAME, |root| {
            let Some(number) = given.iter().position(|(name, _)| name.unraw() == root.unraw())
            else {
                // The name is resolved where the macro is called.
                return Ok(root);
            };
            used[number] = true;
            Ok(local(number))
        });
    for (number, (name, _)) in given.iter().enumerate() {
        if given[..number].iter().any(|(other, _)| other.unraw() == name.unraw()) {
            errors.at(name, format!("`{name}` is given twice"));
        } else if !used[number] && resolved.is_ok() {
            errors.at(name, format!("`{name}` is not in the template"));
        }
    }
    let resolved = errors.keep(resolved);
    let private = expand::private(&parse_quote_spanned!(Span::mixed_site()=> ::cache_runtime));
    let render = resolved.map(|template| expand::render(&private, &template));
    let locals = (0..given.len()).map(local);
    let values = given.iter().map(|(_, value)| value);
    errors.finish(quote_spanned! {Span::mixed_site()=>
        match (#(&#values,)*) {
            (#(#locals,)*) => #private::name(#render),
        }
    })
}

fn local(number: usize) -> Ident {
    format_ident!("__{number}", span = Span::mixed_site())
}
