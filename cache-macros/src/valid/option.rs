//! An option that may be given.

use syn::Expr;

use crate::attr::Written;
use crate::error::Errors;

impl Errors {
    /// Returns the checked value of an option, if it was given and is good.
    pub(super) fn option<T>(
        &mut self,
        given: &Option<Written<Expr>>,
        check: impl FnOnce(&Written<Expr>) -> syn::Result<T>,
    ) -> Option<T> {
        given.as_ref().and_then(|given| self.keep(check(given)))
    }
}
