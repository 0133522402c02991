//! The option `within`.

use crate::deferral::{InvalidationQueue, Within};

/// Returns the queue of a transaction.
pub fn within<T: Within + ?Sized>(transaction: &T) -> InvalidationQueue {
    transaction.invalidations().clone()
}
