//! Invalidations that wait for the end of a transaction.
//!
//! Others see a change when its transaction commits. An invalidation before that is too early: a reader could store the
//! old value again. So the invalidations of a transaction are queued, and are done after the commit.
//!
//! Meanwhile, the code of the transaction sees its own rows, and nobody else does. So these rules hold in its scope:
//!
//! - A call that depends on a queued invalidation bypasses the cache.
//! - Once anything was queued, or if the transaction reads a snapshot, the other calls are answered from the cache, but
//!   nothing is loaded into it, and no load is shared. The dependencies of a value may follow from rows that are not
//!   committed. It does not matter if the invalidation was taken back, because its function may have written.
//! - The invalidations of a function are announced before its body, because its calls see what it has written.
//! - A load is not stored or shared if anything was queued in its scope, or by its body, since its call began, or if its
//!   body enters the scope of a transaction in which something was. It does not matter if the transaction was rolled back
//!   meanwhile.

mod deferred;
mod holding;
mod pending;
mod queue;
mod scope;
mod transaction;
mod within;

pub(crate) use deferred::{announce, invalidate, invalidate_in, queue, queue_in};
pub use deferred::{deferred, deferred_blocking};
pub(crate) use holding::{Holding, ReadOf};
pub use pending::{InvalidationTarget, PendingInvalidation, PendingInvalidations};
pub(crate) use queue::Announced;
pub use queue::InvalidationQueue;
pub(crate) use scope::{Scope, current, innermost, is_in_scope, is_in_use, queued_here};
pub use within::Within;
