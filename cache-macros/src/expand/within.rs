//! The option `within`.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::Expr;
use syn::spanned::Spanned as _;

use super::{here, placed};

// `flow` are the statements of a function without the option. With `within = tx`, they become
//
//     let queue = P::within(&tx);
//     let flow = async move { flow };
//     let flow = ::core::pin::pin!(flow);
//     P::InvalidationQueue::scope(&queue, flow).await
//
// or, in code that is not async,
//
//     P::InvalidationQueue::scope_blocking(&queue, move || { flow })
//
// The future is pinned here, because an async function has its argument twice in its own.
pub(super) fn within(
    p: &TokenStream,
    given: Option<&Expr>,
    is_async: bool,
    flow: TokenStream,
) -> TokenStream {
    let Some(given) = given else { return flow };
    let (place, there) = (here(given.span()), placed(p.clone(), given.span()));
    let queue = quote_spanned!(place=> #there::within(&(#given)));
    let run = match is_async {
        true => quote_spanned! {Span::mixed_site()=>
            let __flow = async move { #flow };
            let __flow = ::core::pin::pin!(__flow);
            #p::InvalidationQueue::scope(&__queue, __flow).await
        },
        false => quote_spanned! {Span::mixed_site()=>
            #p::InvalidationQueue::scope_blocking(&__queue, move || { #flow })
        },
    };
    quote_spanned! {Span::mixed_site()=>
        #[allow(clippy::used_underscore_binding)]
        let __queue = #queue;
        #run
    }
}
