//! Checks the options that limit the loads of a function: `source`, `max_loads` and `shed`.

use cache_syntax::{SOURCE, is_source};
use syn::{Expr, LitStr};

use super::literal::{at, count, peel, string};
use super::scope::Scope;
use super::ttl;
use crate::attr::{CachedAttr, Sheds, Written};
use crate::error::Errors;
use crate::spec::{Kind, Limits, Output, Ttl};

pub(super) fn limits(
    attr: &CachedAttr,
    output: &Output,
    scope: &Scope,
    errors: &mut Errors,
) -> Limits {
    if let (None, None, Some(given)) = (&attr.source, &attr.max_loads, &attr.shed) {
        let message = "`shed` limits the wait for a permit, but nothing limits the loads of this function: also give \
                       `source = \"postgres\"` or `max_loads = 8`";
        errors.at(&given.name, message);
    }
    if let (Kind::Plain, Some(given)) = (output.kind, &attr.shed) {
        let message = "`shed` returns an error, but with `output = \"plain\"` an `Err` is stored like any other value: \
                       remove one of them";
        errors.at(&given.name, message);
    }
    Limits {
        source: errors.option(&attr.source, source),
        max_loads: errors.option(&attr.max_loads, |given| count(given, scope)),
        shed: errors.option(&attr.shed, |given| shed(given, scope)),
    }
}

fn source(given: &Written<Expr>) -> syn::Result<LitStr> {
    let text = string(given, SOURCE)?;
    match is_source(&text.value()) {
        true => Ok(text.clone()),
        false => Err(at(given, format!("`{}` takes {SOURCE}, not {:?}", given.name, text.value()))),
    }
}

/// Returns the value of `shed`, which may stand alone: then a call does not wait.
fn shed(given: &Written<Sheds>, scope: &Scope) -> syn::Result<Ttl> {
    let Some(value) = &given.value.0 else { return Ok(Ttl::Millis(0)) };
    let given = Written { name: given.name.clone(), value: peel(value).clone() };
    ttl::finite(&given, scope)
}
