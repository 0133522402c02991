//! `ttl`, and the other options that are durations.

use std::time::Duration;

use cache_syntax::{FOREVER, parse_duration, ttl_fault};
use syn::{Expr, ExprLit, Lit, LitInt};

use super::literal::{at, expression, of_one_parameter, peel, whole, wrong_kind};
use super::scope::Scope;
use crate::attr::Written;
use crate::spec::{Freshness, Ttl, Verify};

const ACCEPTED: &str =
    "a whole number of seconds, a string like \"1h30m\" or \"forever\", or a `Duration` expression";

const ACCEPTED_OF_VALUES: &str = "a whole number of seconds, a string like \"1h30m\" or \"forever\", a `Duration` \
                                  expression, or a closure `|value| ...` that returns a `Duration` or a `Ttl`";

/// Returns the time for which values are fresh.
pub(crate) fn freshness(given: &Written<Expr>, scope: &Scope) -> syn::Result<Freshness> {
    match peel(&given.value) {
        Expr::Closure(closure) => {
            let gives = "a closure `|value| ...` that returns a `Duration` or a `Ttl`";
            of_one_parameter(given, closure, "value", gives, scope)?;
            Ok(Freshness::OfValue(closure.clone()))
        }
        _ => checked(given, ACCEPTED_OF_VALUES, scope).map(Freshness::Same),
    }
}

pub(crate) fn ttl(given: &Written<Expr>, scope: &Scope) -> syn::Result<Ttl> {
    checked(given, ACCEPTED, scope)
}

/// Returns a duration that is not `"forever"`.
pub(crate) fn finite(given: &Written<Expr>, scope: &Scope) -> syn::Result<Ttl> {
    match ttl(given, scope)? {
        Ttl::Forever => {
            let message = format!("`{}` takes a finite duration, such as \"200ms\"", given.name);
            Err(at(given, message))
        }
        time => Ok(time),
    }
}

/// Returns the time in which at most one hit is verified.
pub(crate) fn verify(given: &Written<Expr>) -> syn::Result<Verify> {
    const ACCEPTED: &str = "a whole number of seconds, a string like \"1m\", or \"off\"";
    let Expr::Lit(ExprLit { lit, .. }) = peel(&given.value) else {
        return Err(wrong_kind(given, ACCEPTED));
    };
    let every = match lit {
        Lit::Str(text) if text.value() == "off" => return Ok(Verify::Off),
        Lit::Int(seconds) => from_seconds(given, ACCEPTED, seconds)?,
        Lit::Str(text) => from_text(given, &text.value())?,
        _ => return Err(wrong_kind(given, ACCEPTED)),
    };
    match every {
        Ttl::Millis(millis) => Ok(Verify::Every(millis)),
        Ttl::Forever | Ttl::Dynamic(_) => {
            let message = "`verify` takes a finite duration, such as \"1m\", or \"off\"";
            Err(at(given, message))
        }
    }
}

fn checked(given: &Written<Expr>, accepted: &str, scope: &Scope) -> syn::Result<Ttl> {
    match peel(&given.value) {
        Expr::Lit(expr) => match &expr.lit {
            Lit::Int(seconds) => from_seconds(given, accepted, seconds),
            Lit::Str(text) => from_text(given, &text.value()),
            _ => Err(wrong_kind(given, accepted)),
        },
        _ => expression(given, accepted, scope).map(Ttl::Dynamic),
    }
}

fn from_text(given: &Written<Expr>, text: &str) -> syn::Result<Ttl> {
    if text == FOREVER {
        return Ok(Ttl::Forever);
    }
    match parse_duration(text) {
        Ok(ttl) => in_range(given, text, ttl),
        Err(_) if is_expression(text) => {
            let name = &given.name;
            Err(at(given, format!("write the expression without quotes: `{name} = {text}`")))
        }
        Err(problem) => Err(at(given, format!("`{}` is {text:?}: {problem}", given.name))),
    }
}

/// Returns true for a call or a path, as other attributes take it in quotes.
fn is_expression(text: &str) -> bool {
    text.contains(['(', ':']) && syn::parse_str::<Expr>(text).is_ok()
}

fn from_seconds(given: &Written<Expr>, accepted: &str, seconds: &LitInt) -> syn::Result<Ttl> {
    if seconds.suffix().starts_with(['m', 's', 'h', 'd', 'w']) {
        return Err(at(given, format!("write the duration as a string: \"{seconds}\"")));
    }
    let Some(value) = whole(seconds) else {
        return Err(at(given, format!("`{}` takes {accepted}, not `{seconds}`", given.name)));
    };
    in_range(given, seconds.base10_digits(), Duration::from_secs(value))
}

fn in_range(given: &Written<Expr>, text: &str, ttl: Duration) -> syn::Result<Ttl> {
    match (ttl_fault(ttl), u64::try_from(ttl.as_millis())) {
        (None, Ok(millis)) => Ok(Ttl::Millis(millis)),
        (fault, _) => {
            let expected = fault.unwrap_or_default();
            Err(at(given, format!("`{}` is {text:?}; expected {expected}", given.name)))
        }
    }
}
