//! The option `within`.

use std::sync::Arc;

use super::queue::InvalidationQueue;

/// A transaction, or anything else that ends the invalidations in its queue: the value of the option
/// [`within`](crate::options#within).
///
/// A transaction of `cache-sqlx` implements it. For another driver, keep an [`InvalidationQueue`] beside its
/// transaction:
///
/// ```
/// use cache_runtime::{InvalidationQueue, Within};
///
/// struct Transaction {
///     // The transaction of the driver is another field.
///     queue: InvalidationQueue,
/// }
///
/// impl Transaction {
///     async fn commit(self) {
///         // The driver commits first. If it is unknown whether it has: `apply_in_background`.
///         self.queue.take().apply().await;
///     }
///
///     async fn rollback(self) {
///         self.queue.take().discard();
///     }
/// }
///
/// impl Within for Transaction {
///     fn invalidations(&self) -> &InvalidationQueue {
///         &self.queue
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`within` takes a transaction whose end is known to the cache, and `{Self}` is none",
    label = "does not implement `Within`",
    note = "a `cache_sqlx::Transaction` and an `InvalidationQueue` implement it; for another driver, see the documentation of `Within`"
)]
pub trait Within {
    /// Returns the queue of the transaction.
    fn invalidations(&self) -> &InvalidationQueue;
}

impl Within for InvalidationQueue {
    fn invalidations(&self) -> &InvalidationQueue {
        self
    }
}

impl<T: Within + ?Sized> Within for &T {
    fn invalidations(&self) -> &InvalidationQueue {
        (**self).invalidations()
    }
}

impl<T: Within + ?Sized> Within for &mut T {
    fn invalidations(&self) -> &InvalidationQueue {
        (**self).invalidations()
    }
}

impl<T: Within + ?Sized> Within for Box<T> {
    fn invalidations(&self) -> &InvalidationQueue {
        (**self).invalidations()
    }
}

impl<T: Within + ?Sized> Within for Arc<T> {
    fn invalidations(&self) -> &InvalidationQueue {
        (**self).invalidations()
    }
}
