//! Checks `manager`: an expression for the cache of a call. The compiler checks its type.

use syn::visit::{self, Visit};
use syn::{Expr, ExprAsync, ExprAwait, ExprClosure};

use super::literal::of_any_type;
use crate::attr::Written;
use crate::error::Errors;

const ACCEPTED: &str = "an expression that returns a `&CacheManager`, such as `&self.cache`";

pub(crate) fn manager(given: &Written<Expr>) -> syn::Result<Expr> {
    let expr = of_any_type(given, ACCEPTED)?;
    let mut awaits = Awaits::default();
    awaits.visit_expr(expr);
    awaits.errors.finish(expr.clone())
}

/// Reports each `.await` that would be a part of the call.
#[derive(Default)]
struct Awaits {
    errors: Errors,
}

impl<'ast> Visit<'ast> for Awaits {
    fn visit_expr_await(&mut self, awaited: &'ast ExprAwait) {
        let message = "`manager` is evaluated when the call begins, and cannot wait: pass the manager to the \
                       function, or keep it in `self`";
        self.errors.push(syn::Error::new_spanned(awaited.await_token, message));
        visit::visit_expr_await(self, awaited);
    }

    // Their `.await` runs elsewhere.
    fn visit_expr_async(&mut self, _: &'ast ExprAsync) {}

    fn visit_expr_closure(&mut self, _: &'ast ExprClosure) {}
}
