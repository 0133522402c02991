//! An option that may be given.

use crate::attr::{Once, Written};
use crate::error::Errors;

impl Errors {
    /// Returns the checked value of an option, if it was given and is good.
    pub(super) fn option<V, T>(
        &mut self,
        given: &Once<V>,
        check: impl FnOnce(&Written<V>) -> syn::Result<T>,
    ) -> Option<T> {
        given.as_ref().and_then(|given| self.keep(check(given)))
    }
}
