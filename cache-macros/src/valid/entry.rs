//! Checks `entry`: a call of a cached function.

use proc_macro2::Span;
use syn::{Expr, ExprAwait, ExprPath, Ident};

use super::literal::{at, peel, wrong_kind};
use super::scope::Scope;
use crate::attr::{Many, Written};
use crate::called::called;
use crate::error::Errors;
use crate::mention::variable;
use crate::spec::Entry;

const ACCEPTED: &str = "a call of a cached function, such as `get_video(video_id)`";

/// Returns the calls whose entries are invalidated.
pub(crate) fn entries(given: &Many<Expr>, scope: &Scope, errors: &mut Errors) -> Vec<Entry> {
    given.iter().filter_map(|given| errors.keep(changed(given, scope))).collect()
}

/// Returns the call whose entry is invalidated or put.
pub(crate) fn changed(given: &Written<Expr>, scope: &Scope) -> syn::Result<Entry> {
    let call = entry(given)?;
    let result = place_of_result(&call, scope).map(|place| Ident::new("result", place));
    let function = called(&call);
    if result.is_some() && function.is_empty() {
        let message = "if the body fails, its result is not known, and all entries of the called function are \
                       invalidated: call it by its name";
        return Err(at(given, message));
    }
    Ok(Entry { call, function, result })
}

/// Returns the place where an expression uses the result of the function.
pub(crate) fn place_of_result(call: &Expr, scope: &Scope) -> Option<Span> {
    variable(call, "result").filter(|_| scope.has_result)
}

pub(crate) fn entry(given: &Written<Expr>) -> syn::Result<Expr> {
    match peel(&given.value) {
        call @ (Expr::Call(_) | Expr::MethodCall(_)) => Ok(call.clone()),
        Expr::Await(ExprAwait { await_token, .. }) => {
            let message = "`entry` takes the call itself, which is not run: remove `.await`";
            Err(syn::Error::new_spanned(await_token, message))
        }
        Expr::Try(tried) => {
            let message = "`entry` takes the call itself, which is not run: remove `?`";
            Err(syn::Error::new_spanned(tried.question_token, message))
        }
        Expr::Path(ExprPath { path, .. }) => {
            let name = path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
            let message = format!(
                "`entry` takes {ACCEPTED}: write the arguments too, `{name}(...)`, since they \
                 select the entry"
            );
            Err(at(given, message))
        }
        _ => Err(wrong_kind(given, ACCEPTED)),
    }
}
