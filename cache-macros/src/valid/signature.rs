//! Checks the signature of the annotated function.

use quote::ToTokens as _;
use syn::Pat;
use syn::visit::{self, Visit};

use crate::error::Errors;
use crate::item::Item;

pub(crate) fn check_async(item: &Item, errors: &mut Errors) {
    if item.is_async() {
        return;
    }
    let message = match item.opaque_output() {
        None => "only an `async fn` can be annotated: put `async` before `fn`".to_owned(),
        Some(output) => {
            let output = output.to_token_stream().to_string();
            let (name, output) = (&item.sig.ident, output.replace(" < ", "<").replace(" >", ">"));
            format!("only an `async fn` can be annotated: write `async fn {name}(..) -> {output}`")
        }
    };
    errors.at(item.sig.fn_token, message);
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
