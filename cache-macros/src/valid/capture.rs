//! Checks expressions that belong to the function and not to one call: they cannot use its arguments.

use syn::visit::{self, Visit};
use syn::{Expr, ExprClosure, ExprPath, Ident, Local};

use super::scope::Scope;
use crate::error::Errors;
use crate::item::names_bound_by;

/// Reports each argument that `expr` uses, with this `reason`.
pub(crate) fn refuse(expr: &Expr, scope: &Scope, reason: &str) -> syn::Result<()> {
    let mut captures = Captures { scope, shadowed: Vec::new(), reason, errors: Errors::default() };
    captures.visit_expr(expr);
    captures.errors.finish(())
}

struct Captures<'a> {
    scope: &'a Scope,
    /// Names that the expression itself binds.
    shadowed: Vec<Ident>,
    reason: &'a str,
    errors: Errors,
}

impl<'ast> Visit<'ast> for Captures<'_> {
    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        let is_argument =
            |name: &&Ident| self.scope.find(name).or(self.scope.one_of(name)).is_some();
        let name = path.path.get_ident().filter(is_argument);
        if let Some(name) = name.filter(|name| !self.shadowed.contains(name)) {
            self.errors.at(name, format!("{}: it cannot use the argument `{name}`", self.reason));
        }
    }

    fn visit_expr_closure(&mut self, closure: &'ast ExprClosure) {
        let outside = self.shadowed.len();
        self.shadowed.extend(names_bound_by(&closure.inputs));
        visit::visit_expr_closure(self, closure);
        self.shadowed.truncate(outside);
    }

    fn visit_local(&mut self, local: &'ast Local) {
        self.shadowed.extend(names_bound_by([&local.pat]));
        visit::visit_local(self, local);
    }
}
