//! Copies of arguments without serde, which a key keeps.
//!
//! Such an argument is `Hash + Eq`. Two different values may have the same `Hash`, so a comparison of keys asks
//! the `Eq` of the copies.

use std::any::Any;
use std::borrow::{Borrow, ToOwned};

use crate::support::panics::unless_panicking;

/// The copies of the arguments of one key, in their order.
pub(crate) type KeptArguments = Vec<Box<dyn KeptArgument>>;

/// The copy of an argument.
pub(crate) trait KeptArgument: Any + Send + Sync {
    /// Returns true if the other copy is of the same type, and equal; false if its `Eq` panics.
    fn same(&self, other: &dyn KeptArgument) -> bool;
}

/// The copy of an argument of type `T`.
pub(super) struct OwnedArgument<T: ToOwned + ?Sized>(pub(super) T::Owned);

impl<T> KeptArgument for OwnedArgument<T>
where
    T: Eq + ToOwned<Owned: Send + Sync> + ?Sized + 'static,
{
    fn same(&self, other: &dyn KeptArgument) -> bool {
        let other: &dyn Any = other;
        let equal = |other: &Self| unless_panicking(|| self.0.borrow() == other.0.borrow());
        other.downcast_ref().and_then(equal).unwrap_or(false)
    }
}

/// Returns true if both lists have the same arguments.
pub(super) fn same(a: &[Box<dyn KeptArgument>], b: &[Box<dyn KeptArgument>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(&**b))
}
