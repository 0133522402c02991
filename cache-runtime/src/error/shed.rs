//! The error of a load that was given up, because too many others ran.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The error of a call whose body was not run, because its source was busy or failed.
///
/// Only a function with the option `shed` returns it. The error type of the function must implement `From<Shed>`.
///
/// ```
/// use cache_runtime::{Shed, cached};
///
/// #[derive(Debug)]
/// enum PaymentError {
///     /// Too many charges are loaded at once. A service may answer this with the status 503.
///     Busy(Shed),
/// }
///
/// // With `thiserror`: `Busy(#[from] Shed)`.
/// impl From<Shed> for PaymentError {
///     fn from(shed: Shed) -> Self {
///         PaymentError::Busy(shed)
///     }
/// }
///
/// #[cached(ttl = "5m", source = "stripe", shed = "200ms")]
/// async fn amount(charge: u64) -> Result<u64, PaymentError> {
///     Ok(charge)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shed {
    source: String,
    limit: u32,
    waited: Duration,
}

impl Shed {
    pub(crate) fn new(source: &str, limit: u32, waited: Duration) -> Self {
        Shed { source: source.to_owned(), limit, waited }
    }

    /// Returns the name of the source; that of the function, if its own `max_loads` was reached.
    pub fn source_name(&self) -> &str {
        &self.source
    }

    /// Returns the maximum number of bodies that run at once.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Returns the time for which the call has waited. It is zero if it did not wait, or if the source fails.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl fmt::Display for Shed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is busy or fails: it has at most {} loads at once, and the call was given up after a wait of {:?}",
            self.source, self.limit, self.waited
        )
    }
}

impl Error for Shed {}
