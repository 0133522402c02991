//! A body in a task of its own, with copies of the arguments.

use std::borrow::ToOwned;
use std::future::Future;

use super::run::BackgroundBody;
use crate::call::LostError;
use crate::output::SharedErrors;
use crate::support::panics::{drop_each, unless_panicking};
use crate::value::{StoredKind, Value, type_stored_by};

/// An argument that can be copied for a task.
#[diagnostic::on_unimplemented(
    message = "an argument of type `{Self}` cannot be copied for a background refresh",
    label = "the task needs a copy of this",
    note = "such an argument must be `Clone + Send + 'static`; a handle such as a connection pool is best behind an `Arc`"
)]
pub trait Keep: Clone + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + 'static> Keep for T {}

/// A borrowed argument of which a task can have an owned copy.
#[diagnostic::on_unimplemented(
    message = "an argument of type `&{Self}` cannot be copied for a background refresh",
    label = "the task needs a copy of the borrowed value",
    note = "the borrowed value must be `Clone` (or `ToOwned`, as `str` and slices are), and the copy must be `Send + 'static`"
)]
pub trait KeepBorrowed {
    /// The copy.
    type Kept: Send + 'static;
    /// Makes the copy.
    fn kept(&self) -> Self::Kept;
}

#[diagnostic::do_not_recommend]
impl<T> KeepBorrowed for T
where
    T: ToOwned<Owned: Send + 'static> + ?Sized,
{
    type Kept = T::Owned;
    fn kept(&self) -> T::Owned {
        self.to_owned()
    }
}

/// Makes the copies of the arguments for a task; `None` if the code of one of them panics.
pub fn copied<T>(copy: impl FnOnce() -> T) -> Option<T> {
    unless_panicking(copy)
}

/// Returns a copy of an argument.
pub fn keep<T: Keep>(argument: &T) -> T {
    argument.clone()
}

/// Returns a copy of a borrowed argument.
pub fn keep_borrowed<T: KeepBorrowed + ?Sized>(argument: &T) -> T::Kept {
    argument.kept()
}

/// Returns the body in a form that a task can run: the future of the function must be `Send`.
pub fn load_in_the_background<K, F>(
    _kind: K,
    share: SharedErrors<K::Error>,
    body: F,
) -> BackgroundBody
where
    K: StoredKind,
    K::Error: 'static,
    F: Future<Output = K::Output> + Send + 'static,
{
    let lost = move |error| {
        let text = (share.text)(&error);
        let Some(how) = share.how else {
            drop_each([error]);
            return LostError { shared: None, text };
        };
        let (shared, error) = (how.put)(error);
        drop_each([error]);
        LostError { shared, text }
    };
    let ended = async move {
        K::split(body.await).map(|value| Value::new(type_stored_by::<K>(), value)).map_err(lost)
    };
    BackgroundBody::new(Box::pin(ended))
}
