//! The words that options take, and the path of the runtime.

use proc_macro2::Span;
use syn::{Expr, ExprLit, Lit, Path, parse_quote_spanned};

use super::literal::{describe, peel};
use crate::attr::{Inherited, Written};
use crate::spec::{Coalesce, Inherit, Kind, Tier, When};

pub(super) const KINDS: [(&str, Kind); 2] = [("result", Kind::Result), ("plain", Kind::Plain)];
pub(super) const TIERS: [(&str, Tier); 3] =
    [("memory", Tier::Memory), ("redis", Tier::Redis), ("tiered", Tier::Tiered)];
pub(super) const COALESCE: [(&str, Coalesce); 3] =
    [("process", Coalesce::Process), ("fleet", Coalesce::Fleet), ("off", Coalesce::Off)];
pub(super) const WHENS: [(&str, When); 3] =
    [("success", When::Success), ("always", When::Always), ("before", When::Before)];
/// The values of `when` for `#[cache_put]`. Before the body there is no value to store.
pub(super) const WHENS_OF_PUT: [(&str, When); 2] =
    [("success", When::Success), ("always", When::Always)];

/// Returns the value of `inherit`, which may stand alone.
pub(super) fn inherit(given: &Written<Inherited>) -> syn::Result<Inherit> {
    let Some(value) = &given.value.0 else { return Ok(Inherit::All) };
    let found = match peel(value) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if text.value() == "tags" => {
            return Ok(Inherit::Tags);
        }
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => format!("{:?}", text.value()),
        other => describe(other).to_owned(),
    };
    let message = format!(
        "`inherit` takes no value, or \"tags\", which does not limit the TTL to that of the inner values, not {found}"
    );
    Err(syn::Error::new_spanned(value, message))
}

/// Returns the path of the runtime crate.
pub(super) fn runtime(given: Option<Written<Path>>) -> Path {
    given.map_or_else(
        || parse_quote_spanned!(Span::mixed_site()=> ::cache_runtime),
        |given| given.value,
    )
}
