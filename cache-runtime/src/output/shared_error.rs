//! One error for several callers.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

/// An error of a failed load that several callers share.
///
/// With `share_errors = true`, an error that is not `Clone` reaches the waiting callers wrapped in this type.
/// If there were any, the caller that loaded gets it in the same form. It prints like the original error,
/// and has the same [source](Error::source). The type of the error can be:
///
/// - `anyhow::Error`, `eyre::Report`, `Box<dyn Error + Send + Sync>`, and others that are
///   `AsRef<dyn Error + Send + Sync> + From<SharedError>`
/// - [`std::io::Error`], which keeps its [kind](io::Error::kind)
/// - any `Error + From<SharedError>`, such as an enum with a variant for it
///
/// ```
/// use std::{fmt, io};
/// use cache_runtime::{SharedError, cached};
///
/// #[derive(Debug)]
/// enum AppError {
///     Io(io::Error),
///     /// The error of another caller's load.
///     Shared(SharedError),
/// }
/// # impl fmt::Display for AppError {
/// #     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
/// #         match self {
/// #             AppError::Io(error) => error.fmt(f),
/// #             AppError::Shared(error) => error.fmt(f),
/// #         }
/// #     }
/// # }
/// # impl std::error::Error for AppError {}
///
/// // With `thiserror`: `Shared(#[from] SharedError)`.
/// impl From<SharedError> for AppError {
///     fn from(error: SharedError) -> Self {
///         AppError::Shared(error)
///     }
/// }
///
/// #[cached(share_errors = true)]
/// async fn line(path: String) -> Result<String, AppError> {
///     Err(AppError::Io(io::Error::other(path)))
/// }
/// ```
///
/// An error of any type may wrap a shared one:
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

/// Returns an error of the same [kind](io::Error::kind) if the original is an `io::Error`, and of the kind
/// [`Other`](io::ErrorKind::Other) if not. An error of the operating system has the code of the original;
/// every other error wraps the shared one.
impl From<SharedError> for io::Error {
    fn from(shared: SharedError) -> Self {
        let original = shared.downcast_ref::<io::Error>();
        if let Some(code) = original.and_then(io::Error::raw_os_error) {
            return io::Error::from_raw_os_error(code);
        }
        let kind = original.map_or(io::ErrorKind::Other, io::Error::kind);
        io::Error::new(kind, shared)
    }
}

/// The original of a shared error.
pub(super) struct OriginalError<E> {
    pub(super) error: E,
    /// Shows it as an `Error`.
    pub(super) show: fn(&E) -> &(dyn Error + Send + Sync + 'static),
}

impl<E> AsRef<dyn Error + Send + Sync> for OriginalError<E> {
    fn as_ref(&self) -> &(dyn Error + Send + Sync + 'static) {
        (self.show)(&self.error)
    }
}
