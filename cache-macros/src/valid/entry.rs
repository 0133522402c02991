//! Checks `entry`: a call of a cached function.

use syn::{Expr, ExprAwait, ExprPath};

use super::literal::{at, peel, wrong_kind};
use crate::attr::{Many, Written};
use crate::error::Errors;

const ACCEPTED: &str = "a call of a cached function, such as `get_video(video_id)`";

pub(crate) fn entries(given: &Many<Expr>, errors: &mut Errors) -> Vec<Expr> {
    given.iter().filter_map(|given| errors.keep(entry(given))).collect()
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
