//! The statements at the beginning of a body that confirm or take the old value.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, ExprClosure, Pat, PatType};

use super::{here, placed};
use crate::spec::{Cached, Previous};

// With `still_current = |old| is_same(old.etag.clone())` and `previous = before`:
//
//     let (call, offer) = P::MissedCall::offering(call);
//     let body = async move {
//         let old = P::Offer::take(&offer, kind);
//         let old = match old {
//             Some(value) => {
//                 let old = &value;
//                 let asked = P::ask_source(|| is_same(old.etag.clone()));
//                 if P::Offer::is_current(&offer, asked).await {
//                     return P::output(kind, value);
//                 }
//                 Some(value)
//             }
//             None => None,
//         };
//         let before: Option<Page> = P::previous(old);
//         ...
//     };
//
// The closure is called where the arguments of the function are, so it can use them.

/// Returns the statement that asks for the old value, after the look into memory; empty without these options.
pub(super) fn offering(p: &TokenStream, spec: &Cached) -> TokenStream {
    if !spec.uses_old() {
        return TokenStream::new();
    }
    quote_spanned!(Span::mixed_site()=> let (__call, __offer) = #p::MissedCall::offering(__call);)
}

/// Returns the statements before the user's body; empty without these options.
pub(super) fn before_body(p: &TokenStream, spec: &Cached, is_blocking: bool) -> TokenStream {
    if !spec.uses_old() {
        return TokenStream::new();
    }
    let asks = spec.still_current.as_ref().map(|ask| asking(p, ask, is_blocking));
    let given = match &spec.previous {
        Some(previous) => argument(p, previous),
        None => quote_spanned!(Span::mixed_site()=> #p::let_go(__old);),
    };
    quote_spanned! {Span::mixed_site()=>
        let __old = #p::Offer::take(&__offer, __kind);
        #asks
        #given
    }
}

fn asking(p: &TokenStream, ask: &Expr, is_blocking: bool) -> TokenStream {
    let (binding, asked, place) = asked(ask);
    // All tokens have this place, so that the compiler reports an error there.
    let at_place = placed(p.clone(), place);
    let is_current = if is_blocking {
        quote_spanned! {here(place)=> #at_place::Offer::is_current_now(&__offer, || #asked) }
    } else {
        quote_spanned! {here(place)=>
            #at_place::Offer::is_current(&__offer, #at_place::ask_source(|| #asked)).await
        }
    };
    quote_spanned! {Span::mixed_site()=>
        let __old = match __old {
            ::core::option::Option::Some(__value) => {
                #binding
                #[allow(clippy::used_underscore_binding)]
                let __is_current = #is_current;
                if __is_current {
                    return #p::output(__kind, __value);
                }
                ::core::option::Option::Some(__value)
            }
            ::core::option::Option::None => ::core::option::Option::None,
        };
    }
}

/// Returns the statement that binds the parameter of the user's closure, the body of the closure, and its place. The
/// parameter is bound outside of it: what a closure returns cannot borrow from its own parameter.
fn asked(ask: &Expr) -> (TokenStream, TokenStream, Span) {
    let Expr::Closure(ExprClosure { asyncness, capture, inputs, output, body, .. }) = ask else {
        let place = ask.span();
        let value = Ident::new("__value", Span::mixed_site());
        return (TokenStream::new(), quote_spanned!(here(place)=> #ask(&#value)), place);
    };
    let (pattern, place) = (inputs.first(), body.span());
    // The compiler reports another type at the parameter.
    let value = Ident::new("__value", here(pattern.span()));
    let binding = quote_spanned!(here(pattern.span())=> let #pattern = &#value;);
    let asked = match asyncness {
        Some(_) => quote_spanned!(here(place)=> async #capture { #body }),
        None => quote!(#output #body),
    };
    (binding, asked, place)
}

/// Returns the statement that binds the argument that the callers do not pass.
fn argument(p: &TokenStream, previous: &Previous) -> TokenStream {
    let PatType { attrs, pat, ty, .. } = &previous.argument;
    let place = ty.span();
    // All tokens have this place, so that the compiler reports another type there.
    let p = placed(p.clone(), place);
    let old = Ident::new("__old", here(place));
    let pat: &Pat = pat;
    quote_spanned!(here(place)=> #(#attrs)* let #pat: #ty = #p::previous(#old);)
}
