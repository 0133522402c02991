//! `ttl`, and the other options that are durations.

use syn::{Expr, Lit, LitInt};

use super::literal::{at, expression, peel, whole, wrong_kind};
use super::scope::Scope;
use crate::attr::Written;
use crate::duration::{parse_millis, seconds_to_millis};
use crate::spec::Ttl;

const ACCEPTED: &str =
    "a whole number of seconds, a string like \"1h30m\" or \"forever\", or a `Duration` expression";

pub(crate) fn ttl(given: &Written<Expr>, scope: &Scope) -> syn::Result<Ttl> {
    match peel(&given.value) {
        Expr::Lit(expr) => match &expr.lit {
            Lit::Int(seconds) => from_seconds(given, seconds),
            Lit::Str(text) => from_text(given, &text.value()),
            _ => Err(wrong_kind(given, ACCEPTED)),
        },
        _ => expression(given, ACCEPTED, scope).map(Ttl::Dynamic),
    }
}

/// A duration that comes to an end.
pub(crate) fn finite(given: &Written<Expr>, scope: &Scope) -> syn::Result<Ttl> {
    match ttl(given, scope)? {
        Ttl::Forever => {
            let message = format!("`{}` takes a finite duration, such as \"200ms\"", given.name);
            Err(at(given, message))
        }
        time => Ok(time),
    }
}

fn from_text(given: &Written<Expr>, text: &str) -> syn::Result<Ttl> {
    if text == "forever" {
        return Ok(Ttl::Forever);
    }
    parse_millis(text).map(Ttl::Millis).map_err(|problem| invalid(given, &problem))
}

fn from_seconds(given: &Written<Expr>, seconds: &LitInt) -> syn::Result<Ttl> {
    if seconds.suffix().starts_with(['m', 's', 'h', 'd', 'w']) {
        return Err(at(given, format!("write the duration as a string: \"{seconds}\"")));
    }
    let Some(value) = whole(seconds) else {
        return Err(at(given, format!("`{}` takes {ACCEPTED}, not `{seconds}`", given.name)));
    };
    seconds_to_millis(value).map(Ttl::Millis).map_err(|problem| invalid(given, &problem))
}

fn invalid(given: &Written<Expr>, problem: &str) -> syn::Error {
    at(given, format!("`{}`: {problem}", given.name))
}
