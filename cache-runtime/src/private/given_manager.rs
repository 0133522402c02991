//! The manager that an attribute names.

use crate::manager::CacheManager;

/// The value of the option `manager`. It is a field, because the compiler reports an expression of another type
/// at the place of the expression.
#[derive(Clone, Copy, Debug)]
pub struct GivenManager<'a> {
    /// The value.
    pub manager: &'a CacheManager,
}

impl GivenManager<'_> {
    /// Returns the manager. The function keeps it until it ends, because its body may take an argument that
    /// owns the last handle.
    pub fn kept(self) -> CacheManager {
        self.manager.named()
    }
}
