//! One error for several callers.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// An error of a failed load that several callers share.
///
/// With `share_errors = true`, an error that is not `Clone` (`anyhow::Error`, `eyre::Report`, `Box<dyn
/// Error + Send + Sync>`) reaches the waiting callers wrapped in this type. If there were any, the
/// caller that loaded gets it in the same form. It prints like the original error, and has the same
/// [source](Error::source).
///
/// ```
/// use std::io;
/// use cache_runtime::SharedError;
///
/// fn is_missing(error: &anyhow::Error) -> bool {
///     let shared = error.downcast_ref::<SharedError>();
///     let original = shared.map_or_else(|| error.downcast_ref(), |shared| shared.downcast_ref());
///     original.is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::NotFound)
/// }
///
/// assert!(is_missing(&io::Error::from(io::ErrorKind::NotFound).into()));
/// ```
#[derive(Clone)]
pub struct SharedError(Arc<dyn AsRef<dyn Error + Send + Sync> + Send + Sync>);

impl SharedError {
    pub(crate) fn new<E>(error: Arc<E>) -> Self
    where
        E: AsRef<dyn Error + Send + Sync> + Send + Sync + 'static,
    {
        SharedError(error)
    }

    /// Returns the original error.
    pub fn original(&self) -> &(dyn Error + Send + Sync + 'static) {
        (*self.0).as_ref()
    }

    /// Returns the original error if it is an `E`.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.original().downcast_ref()
    }
}

impl fmt::Display for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.original(), f)
    }
}

impl fmt::Debug for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.original(), f)
    }
}

impl Error for SharedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.original().source()
    }
}
