//! Checks the signature of the annotated function.

use quote::ToTokens as _;
use syn::Pat;
use syn::visit::{self, Visit};

use crate::error::Errors;
use crate::item::Item;

/// Checks that the attribute can rewrite the function.
pub(crate) fn check_form(item: &Item, errors: &mut Errors) {
    if let Some(constness) = &item.sig.constness {
        let message = "a `const fn` cannot be annotated, because its calls may be evaluated by the compiler: remove \
                       `const`";
        errors.at(constness, message);
    }
    if !item.is_unknown() {
        return;
    }
    let message = match item.opaque_output() {
        None => "this function returns a future in a form that cannot be annotated: write an `async fn`, or \
                 return `Box::pin(async move { .. })`"
            .to_owned(),
        Some(output) => {
            let output = output.to_token_stream().to_string();
            let (name, output) = (&item.sig.ident, output.replace(" < ", "<").replace(" >", ">"));
            format!(
                "a function that returns `impl Future` cannot be annotated: write `async fn {name}(..) -> {output}`"
            )
        }
    };
    errors.at(item.sig.fn_token, message);
}

/// Checks that the function is asynchronous: a put waits for Redis.
pub(crate) fn check_async(item: &Item, errors: &mut Errors) {
    if item.is_blocking() {
        let message = "`#[cache_put]` needs an `async fn`, because it waits for Redis. In a function that is not async, \
                       call `.put(value)` on the entry that `entry_fn` returns, or invalidate with `#[cache_invalidate]`";
        errors.at(item.sig.fn_token, message);
    } else {
        check_form(item, errors);
    }
}

/// Checks the order of the attributes. The body changes the data, so the cache attribute must be outside of
/// the attribute that changes it.
pub(crate) fn check_order(item: &Item, errors: &mut Errors) {
    for attr in item.attrs() {
        let Some(last) = attr.path().segments.last() else { continue };
        if last.ident == "cache_invalidate" || last.ident == "cache_put" {
            let name = &last.ident;
            let message = format!(
                "`#[{name}]` goes above `#[cached]`: it has something to do when the body runs. To \
                 do it also when a value is served from the cache, take two functions"
            );
            errors.at(attr, message);
        }
    }
}

/// Checks that each argument has a name, because one without could not be part of the key.
pub(crate) fn check_patterns(item: &Item, errors: &mut Errors) {
    for pattern in item.patterns() {
        Hidden(errors).visit_pat(pattern);
    }
}

struct Hidden<'a>(&'a mut Errors);

impl<'ast> Visit<'ast> for Hidden<'_> {
    fn visit_pat(&mut self, pattern: &'ast Pat) {
        match pattern {
            Pat::Macro(_) | Pat::Verbatim(_) => {
                self.0.at(pattern, "the names bound here cannot be seen: write the pattern out");
            }
            pattern => visit::visit_pat(self, pattern),
        }
    }
}
