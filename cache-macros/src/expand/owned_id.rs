//! The clone of an id, for an expression that uses it.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::Expr;

use super::{here, placed};
use crate::mention::mentions;
use crate::spec::Each;

/// Returns the statement that gives an expression an id of its own, if the expression uses it.
pub(super) fn owned_id(p: &TokenStream, expr: &Expr, each: &Each) -> TokenStream {
    let id = &each.id;
    if !mentions(expr, id) {
        return TokenStream::new();
    }
    let place = here(each.place);
    // All tokens have this place, so that the compiler reports an id that cannot be cloned at its type.
    let p = placed(p.clone(), each.place);
    let clone = quote_spanned!(place=> #p::id(__one));
    quote_spanned!(Span::mixed_site()=> let #id = #clone;)
}
