//! A body in a task of its own, with copies of the arguments.

use std::borrow::ToOwned;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;

use futures_util::FutureExt as _;
use tokio::runtime::Handle;

use crate::call::{Body, BodyPlace, LostError, Next, Run, ToCaller};
use crate::manager;
use crate::output::{CarriedError, SharedErrors, StandIn};
use crate::support::boxed::Boxed;
use crate::support::panics::{drop_each, unless_panicking};
use crate::support::runtime;
use crate::value::{StoredKind, Value, type_stored_by};

/// An argument that can be copied for a task.
#[diagnostic::on_unimplemented(
    message = "an argument of type `{Self}` cannot be copied for a load in the background",
    label = "the task needs a copy of this",
    note = "such an argument must be `Clone + Send + 'static`; a handle such as a connection pool is best behind an `Arc`"
)]
pub trait Keep: Clone + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + 'static> Keep for T {}

/// A borrowed argument of which a task can have an owned copy.
#[diagnostic::on_unimplemented(
    message = "an argument of type `&{Self}` cannot be copied for a load in the background",
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

/// A body for a task of its own.
pub struct BackgroundBody(TaskBody);

enum TaskBody {
    /// For a load that no caller waits for.
    Lost(Body),
    /// For any load of a detached function.
    Detached(Box<dyn DetachedBody>),
}

/// The body of a detached function.
trait DetachedBody: Send {
    /// Returns the body for a load that no caller waits for.
    fn lost(self: Box<Self>) -> Body;

    /// Returns the run of a load whose output goes to a caller. `next` begins the load.
    fn run(self: Box<Self>, next: Boxed<Next>, caller: ToCaller) -> Boxed<()>;
}

struct OfFunction<K: StoredKind, F> {
    share: SharedErrors<K::Error>,
    body: F,
}

impl fmt::Debug for BackgroundBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackgroundBody")
    }
}

impl BackgroundBody {
    /// Returns the body for a load that no caller waits for.
    pub(super) fn lost(self) -> Body {
        match self.0 {
            TaskBody::Lost(body) => body,
            TaskBody::Detached(body) => body.lost(),
        }
    }

    /// Returns the run of a load whose output goes to a caller. `next` begins the load.
    pub(super) fn run(self, next: Boxed<Next>, caller: ToCaller) -> Boxed<()> {
        match self.0 {
            TaskBody::Detached(body) => body.run(next, caller),
            // Only a detached function has such loads. Without an output, the caller runs its body.
            TaskBody::Lost(_) => Box::pin(async {}),
        }
    }
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
    BackgroundBody(TaskBody::Lost(lost::<K, F>(share, body)))
}

/// Does the same for the body of a function that is not async: it runs on a thread of its own.
pub fn load_on_a_thread<K, F>(_kind: K, share: SharedErrors<K::Error>, body: F) -> BackgroundBody
where
    K: StoredKind,
    K::Error: 'static,
    F: FnOnce() -> K::Output + Send + 'static,
{
    let (scope, runtime) = (manager::scoped(), Handle::try_current().ok());
    let load = move || {
        let output = match &scope {
            Some(manager) => manager::with_blocking(manager, body),
            None => body(),
        };
        K::split(output).map(stored::<K>).map_err(|error| rest_of(share, error))
    };
    let on_a_thread = async move |place: BodyPlace| {
        let loaded = runtime::on_a_thread(runtime, move || place.run(load)).await;
        let no_thread = || LostError {
            shared: None,
            text: "no thread can be made for the body".to_owned(),
            stand_in: StandIn::Stale,
        };
        loaded.unwrap_or_else(|| Err(no_thread()))
    };
    BackgroundBody(TaskBody::Lost(Box::new(|place| Box::pin(on_a_thread(place)))))
}

/// Does the same for a function whose loads are detached. The error must be `Send` as well.
pub fn load_detached<K, F>(_kind: K, share: SharedErrors<K::Error>, body: F) -> BackgroundBody
where
    K: StoredKind + 'static,
    K::Error: CarriedError,
    F: Future<Output = K::Output> + Send + 'static,
{
    BackgroundBody(TaskBody::Detached(Box::new(OfFunction::<K, F> { share, body })))
}

fn stored<K: StoredKind>(value: K::Value) -> Value {
    Value::new(type_stored_by::<K>(), value)
}

fn lost<K, F>(share: SharedErrors<K::Error>, body: F) -> Body
where
    K: StoredKind,
    K::Error: 'static,
    F: Future<Output = K::Output> + Send + 'static,
{
    Box::new(move |_| {
        Box::pin(async move {
            K::split(body.await).map(stored::<K>).map_err(|error| rest_of(share, error))
        })
    })
}

/// Returns the rest of the error of a body that no caller waits for.
pub(super) fn rest_of<E: 'static>(share: SharedErrors<E>, error: E) -> LostError {
    let (text, stand_in) = ((share.text)(&error), share.stand_in(&error));
    let Some(how) = share.how else {
        drop_each([error]);
        return LostError { shared: None, text, stand_in };
    };
    let (shared, error) = (how.put)(error);
    drop_each([error]);
    LostError { shared, text, stand_in }
}

impl<K, F> DetachedBody for OfFunction<K, F>
where
    K: StoredKind + 'static,
    K::Error: CarriedError,
    F: Future<Output = K::Output> + Send + 'static,
{
    fn lost(self: Box<Self>) -> Body {
        lost::<K, F>(self.share, self.body)
    }

    fn run(self: Box<Self>, next: Boxed<Next>, caller: ToCaller) -> Boxed<()> {
        Box::pin(async move {
            let OfFunction { share, body } = *self;
            let mut body = pin!(body);
            let run = Run::<K, F>::new(next, share, body.as_mut());
            match AssertUnwindSafe(run).catch_unwind().await.map(K::split) {
                Ok(Ok(value)) => caller.value(stored::<K>(value)),
                Ok(Err(error)) => caller.error(error, share.text),
                Err(panic) => caller.panic(panic),
            }
        })
    }
}
