//! Checks the options for loads that run, fail or continue in the background.

use cache_syntax::EARLY_REFRESH;
use syn::Expr;

use super::literal::{boolean, condition, number};
use super::scope::Scope;
use super::{task, ttl};
use crate::attr::CachedAttr;
use crate::error::Errors;
use crate::item::Item;
use crate::spec::{Constant, Output, Task, Ttl, Verify};

pub(crate) struct Staleness {
    pub(crate) while_revalidate: Option<Ttl>,
    pub(crate) if_error: Option<Ttl>,
    pub(crate) serve_stale_if: Option<Expr>,
    pub(crate) load_timeout: Option<Ttl>,
    pub(crate) early_refresh: Option<Constant<f64>>,
    /// True if a load goes on without its caller.
    pub(crate) detached: bool,
    pub(crate) verify: Option<Verify>,
    pub(crate) task: Option<Task>,
}

pub(crate) fn staleness(
    attr: &CachedAttr,
    item: &Item,
    output: &Output,
    scope: &Scope,
    errors: &mut Errors,
) -> Staleness {
    let background = errors.option(&attr.background, boolean);
    let detached = errors.option(&attr.detached, boolean).unwrap_or(false);
    let detaches = attr.detached.as_ref().filter(|_| detached);
    let verify = errors.option(&attr.verify, ttl::verify);
    let verifies = attr.verify.as_ref().filter(|_| matches!(verify, Some(Verify::Every(_))));
    if let (Some(given), Some(_)) = (verifies, &attr.within) {
        let message = "hits in a transaction are not verified, and all calls of this function are in one (`within`): \
                       remove `verify`";
        errors.at(&given.name, message);
    }
    let stale = attr.stale_while_revalidate.as_ref().or(attr.load_timeout.as_ref());
    let needs_task = stale.or(detaches).or(verifies);
    let may_have_task = needs_task.or(attr.early_refresh.as_ref());
    match (&attr.background, background, needs_task, may_have_task) {
        (Some(given), Some(false), Some(needs), _) => {
            let message = format!(
                "`{}` runs loads in the background, but `background = false` forbids this: remove one of \
                 them",
                needs.name
            );
            errors.at(&given.name, message);
        }
        (Some(given), Some(true), _, None) if attr.each.is_some() => {
            let message = "`background` is for ids whose `entry` is that of a function that may serve stale values. \
                           These have entries of their own: give `stale_while_revalidate`";
            errors.at(&given.name, message);
        }
        (Some(given), _, _, None) => {
            let message = "`background` only has an effect on `early_refresh`, which is not \
                           given: remove it";
            errors.at(&given.name, message);
        }
        _ => {}
    }
    if let (Some(given), None) = (&attr.load_timeout, &attr.stale_if_error) {
        let message = "after the `load_timeout`, the stale value is served: also give the time after its \
                       TTL for which that is allowed, with `stale_if_error = \"1h\"`";
        errors.at(&given.name, message);
    }
    if let (Some(given), None) = (&attr.serve_stale_if, &attr.stale_if_error) {
        let message = "`serve_stale_if` decides for which errors the stale value is served: also give the time \
                       after its TTL for which that is allowed, with `stale_if_error = \"1h\"`";
        errors.at(&given.name, message);
    }
    let wanted = may_have_task.filter(|_| background != Some(false));
    Staleness {
        while_revalidate: errors
            .option(&attr.stale_while_revalidate, |given| ttl::ttl(given, scope)),
        if_error: errors.option(&attr.stale_if_error, |given| ttl::ttl(given, scope)),
        serve_stale_if: errors
            .option(&attr.serve_stale_if, |given| condition(given, "error", scope)),
        load_timeout: errors.option(&attr.load_timeout, |given| ttl::finite(given, scope)),
        early_refresh: errors
            .option(&attr.early_refresh, |given| number(given, EARLY_REFRESH, scope)),
        detached,
        verify,
        task: wanted.map(|wanted| task::task(item, &wanted.name, output.borrows, errors)),
    }
}
