//! Checks `manager` and `within`: expressions that are evaluated when the call begins. The compiler checks their types.

use syn::visit::{self, Visit};
use syn::{Expr, ExprAsync, ExprAwait, ExprClosure};

use super::literal::of_any_type;
use crate::attr::Written;
use crate::error::Errors;

/// Checks the cache of a call.
pub(crate) fn manager(given: &Written<Expr>) -> syn::Result<Expr> {
    evaluated(
        given,
        "an expression that returns a `&CacheManager`, such as `&self.cache`",
        "`manager` is evaluated when the call begins, and cannot wait: pass the manager to the function, or keep it in \
         `self`",
    )
}

/// Checks the transaction of a call.
pub(crate) fn within(given: &Written<Expr>) -> syn::Result<Expr> {
    evaluated(
        given,
        "a transaction, such as the argument `tx`",
        "`within` is evaluated when the call begins, and cannot wait: pass the transaction to the function",
    )
}

fn evaluated(given: &Written<Expr>, accepted: &str, message: &'static str) -> syn::Result<Expr> {
    let expr = of_any_type(given, accepted)?;
    let mut awaits = Awaits { message, errors: Errors::default() };
    awaits.visit_expr(expr);
    awaits.errors.finish(expr.clone())
}

/// Reports each `.await` that would be a part of the call.
struct Awaits {
    message: &'static str,
    errors: Errors,
}

impl<'ast> Visit<'ast> for Awaits {
    fn visit_expr_await(&mut self, awaited: &'ast ExprAwait) {
        self.errors.push(syn::Error::new_spanned(awaited.await_token, self.message));
        visit::visit_expr_await(self, awaited);
    }

    // Their `.await` runs elsewhere.
    fn visit_expr_async(&mut self, _: &'ast ExprAsync) {}

    fn visit_expr_closure(&mut self, _: &'ast ExprClosure) {}
}
