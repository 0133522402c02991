//! The output of an annotated function, and the part of it that is stored.
//!
//! A macro sees only the spelling of a return type; `type AppResult<T> = ...` looks like any other type. So
//! generated code uses the type system: method look-up on [`Probe`] prefers the implementation for `Result`,
//! and takes the plain one if the type is no `Result`.

pub(crate) mod collection;
pub(crate) mod error_text;
pub(crate) mod shared_error;

use std::any::{Any, type_name};
use std::convert::Infallible;
use std::error::Error;
use std::fmt::Debug;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Shed;
use crate::output::shared_error::{OriginalError, SharedError};
use crate::support::panics::{drop_each, unless_panicking};

/// A value that can be cached.
///
/// Implemented for every type that is `Serialize + DeserializeOwned + Clone + Send + Sync +
/// 'static`; do not implement it yourself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cached",
    label = "this type is stored in the cache",
    note = "a cached value must be `serde::Serialize + serde::de::DeserializeOwned + Clone + Send + Sync + 'static`",
    note = "for a type of yours: `#[derive(Clone, serde::Serialize, serde::Deserialize)]`; `Arc` and `Rc` need serde's feature `rc`"
)]
pub trait CacheValue: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> CacheValue for T {}

/// A value that can be kept in the memory of a process, by a function with `tier = "memory"`.
///
/// Implemented for every type that is `Clone + Send + Sync + 'static`; do not implement it yourself.
pub trait MemoryValue: Clone + Send + Sync + 'static {}

impl<T: Clone + Send + Sync + 'static> MemoryValue for T {}

/// Takes an output apart: into the value that is stored, or the error that is not.
pub trait OutputKind: Copy + Debug + Send + Sync {
    /// The output of the function.
    type Output;
    /// The part that is stored.
    type Value;
    /// The part that is not stored.
    type Error;
    /// Returns the output as a value or an error.
    fn split(output: Self::Output) -> Result<Self::Value, Self::Error>;
    /// Returns the output made of a value or an error.
    fn join(parts: Result<Self::Value, Self::Error>) -> Self::Output;
    /// Returns the value of an output, if it is a success.
    fn value(output: &Self::Output) -> Option<&Self::Value>;
    /// Returns true if the output is a success.
    fn succeeded(output: &Self::Output) -> bool {
        Self::value(output).is_some()
    }
}

/// The kind of functions that return a `Result`: only `Ok` is stored.
pub struct ResultKind<R>(PhantomData<fn() -> R>);

/// The kind of all other functions: the whole output is stored.
pub struct PlainKind<R>(PhantomData<fn() -> R>);

/// A `Result`, under any name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Result`",
    note = "`output = \"result\"` is for functions whose return type is a `Result` that the macro cannot recognise"
)]
pub trait AnyResult {
    /// The type of `Ok`.
    type Ok;
    /// The type of `Err`.
    type Err;
    /// Converts the output into a plain `Result`.
    fn into_result(self) -> Result<Self::Ok, Self::Err>;
    /// Converts a plain `Result` into the output.
    fn from_result(result: Result<Self::Ok, Self::Err>) -> Self;
    /// Returns the value of an `Ok`.
    fn success(&self) -> Option<&Self::Ok>;
}

impl<T, E> AnyResult for Result<T, E> {
    type Ok = T;
    type Err = E;
    fn into_result(self) -> Result<T, E> {
        self
    }
    fn from_result(result: Result<T, E>) -> Self {
        result
    }
    fn success(&self) -> Option<&T> {
        self.as_ref().ok()
    }
}

impl<R: AnyResult> OutputKind for ResultKind<R> {
    type Output = R;
    type Value = R::Ok;
    type Error = R::Err;
    fn split(output: R) -> Result<R::Ok, R::Err> {
        output.into_result()
    }
    fn join(parts: Result<R::Ok, R::Err>) -> R {
        R::from_result(parts)
    }
    fn value(output: &R) -> Option<&R::Ok> {
        output.success()
    }
}

impl<R> OutputKind for PlainKind<R> {
    type Output = R;
    type Value = R;
    type Error = Infallible;
    fn split(output: R) -> Result<R, Infallible> {
        Ok(output)
    }
    fn join(parts: Result<R, Infallible>) -> R {
        match parts {
            Ok(output) => output,
            Err(never) => match never {},
        }
    }
    fn value(output: &R) -> Option<&R> {
        Some(output)
    }
}

macro_rules! marker {
    ($($name:ident),*) => {$(
        impl<R> Clone for $name<R> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<R> Copy for $name<R> {}
        impl<R> Debug for $name<R> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}
marker!(ResultKind, PlainKind, Probe, SharedErrors);

/// Finds the kind of a return type; see the module's docs.
pub struct Probe<R>(PhantomData<fn() -> R>);

impl<R> Probe<R> {
    /// Returns a probe of `R`.
    #[allow(clippy::new_without_default, reason = "only generated code makes one")]
    pub const fn new() -> Self {
        Probe(PhantomData)
    }
}

/// A call in the option `entry`.
#[diagnostic::on_unimplemented(
    message = "`entry` takes a call of a `#[cached]` function, and `{Self}` is not a future",
    label = "not the call of an async function",
    note = "for a `#[cached]` function that is not async, call the function that its `entry_fn` names"
)]
pub trait EntryCall {
    /// The future of the call.
    type Call: Future;
    /// Returns it.
    fn into_call(self) -> Self::Call;
}

#[diagnostic::do_not_recommend]
impl<F: Future> EntryCall for F {
    type Call = F;

    fn into_call(self) -> F {
        self
    }
}

/// Returns a probe of the output of a call.
pub fn probe_of<F: EntryCall>(_: &F) -> Probe<<F::Call as Future>::Output> {
    Probe::new()
}

/// Returns a probe of the output of a body, whose type may have no name.
pub fn probe_output<F: Future>(_: &Pin<&mut F>) -> Probe<F::Output> {
    Probe::new()
}

/// The answer that an output is a future.
#[derive(Debug)]
pub struct IsFuture<R>(PhantomData<fn() -> R>);

/// The output of a function whose work is done when it returns.
#[diagnostic::on_unimplemented(
    message = "this function returns a future, whose work begins only when it is awaited",
    label = "a future",
    note = "write an `async fn`, or end the body with `Box::pin(async move {{ .. }})` and write out the type of the box"
)]
pub trait Finished {}

impl Finished for () {}

/// Requires that the work of a function is done when it returns.
pub fn finished<A: Finished>(_: A) {}

/// Taken by method look-up where the return type is a future.
pub trait ProbeFuture<R> {
    /// Returns the answer.
    fn __cache_future(&self) -> IsFuture<R>;
}

impl<R: Future> ProbeFuture<R> for &Probe<R> {
    fn __cache_future(&self) -> IsFuture<R> {
        IsFuture(PhantomData)
    }
}

/// Taken by method look-up for every other type.
pub trait ProbeNoFuture {
    /// Returns the answer.
    fn __cache_future(&self) {}
}

impl<R> ProbeNoFuture for Probe<R> {}

/// Taken by method look-up where the return type is a `Result`.
pub trait ProbeResult<R> {
    /// Returns the kind.
    fn __cache_kind(&self) -> ResultKind<R>;
}

impl<T, E> ProbeResult<Result<T, E>> for &Probe<Result<T, E>> {
    fn __cache_kind(&self) -> ResultKind<Result<T, E>> {
        ResultKind(PhantomData)
    }
}

/// Taken by method look-up for every other type.
pub trait ProbePlain<R> {
    /// Returns the kind.
    fn __cache_kind(&self) -> PlainKind<R>;
}

impl<R> ProbePlain<R> for Probe<R> {
    fn __cache_kind(&self) -> PlainKind<R> {
        PlainKind(PhantomData)
    }
}

/// Returns the kind of `output = "result"`.
pub fn is_a_result<R: AnyResult>() {}

/// Returns the kind of functions that return a `Result`.
pub(crate) fn kind_result<R>() -> ResultKind<R> {
    ResultKind(PhantomData)
}

/// Returns the kind of `output = "plain"`.
pub fn kind_plain<R>() -> PlainKind<R> {
    PlainKind(PhantomData)
}

/// The way in which an error reaches the callers that waited for the failed load.
pub struct SharedErrors<E> {
    pub(crate) how: Option<ShareError<E>>,
    /// Returns the text of an error for the log.
    pub(crate) text: fn(&E) -> String,
    /// The `serve_stale_if` of the function.
    pub(crate) serve_stale_if: Option<fn(&E) -> bool>,
    /// Takes the error of a detached load out of its box. Returns `None` if it is no such error.
    pub(crate) unbox: fn(BoxedError) -> Option<E>,
    /// Makes the error of a load that was given up (`shed`).
    pub(crate) shed: Option<fn(Shed) -> E>,
}

/// The stand-in for an error, by the `serve_stale_if` of its function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StandIn {
    /// A stale value, if there is one.
    Stale,
    /// Nothing: the error is returned to the caller.
    Nothing,
    /// It panics.
    Panics,
}

/// The error of a detached load on its way to the caller that waits for it.
pub(crate) type BoxedError = Box<dyn Any + Send>;

/// An error whose type has been erased.
pub(crate) type SharedFailure = Arc<dyn Any + Send + Sync>;

/// The check that a shared error can be that of a call; `None` if no error is shared.
pub(crate) type Shares = Option<fn(&SharedFailure) -> bool>;

/// Puts an error into a flight, and takes one out again.
pub(crate) struct ShareError<E> {
    /// Returns the shared form of an error, and the error for the caller that has loaded. The shared form is
    /// `None` if the code of the error's type panics.
    pub(crate) put: fn(E) -> (Option<SharedFailure>, E),
    /// Takes an error out of its shared form. Returns `None` if the code of its type panics.
    pub(crate) take: fn(&(dyn Any + Send + Sync)) -> Option<E>,
    /// Returns true if an error can be taken out of this shared form.
    pub(crate) fits: fn(&SharedFailure) -> bool,
}

impl<E> Clone for ShareError<E> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<E> Copy for ShareError<E> {}

impl<E> SharedErrors<E> {
    pub(crate) const NONE: Self = SharedErrors {
        how: None,
        text: type_alone,
        serve_stale_if: None,
        unbox: no_error,
        shed: None,
    };

    /// Returns the check for shared errors, if errors are shared.
    pub(crate) fn fits(&self) -> Shares {
        self.how.as_ref().map(|how| how.fits)
    }

    /// Asks the function's `serve_stale_if` about an error.
    pub(crate) fn stand_in(&self, error: &E) -> StandIn {
        let Some(decide) = self.serve_stale_if else { return StandIn::Stale };
        // R3: a panic in the expression must not cost the caller the stale value.
        match unless_panicking(|| decide(error)) {
            Some(true) => StandIn::Stale,
            Some(false) => StandIn::Nothing,
            None => StandIn::Panics,
        }
    }
}

impl<E: Clone + Send + Sync + 'static> SharedErrors<E> {
    pub(crate) const CLONED: Self = SharedErrors {
        how: Some(ShareError {
            put: |error| (unless_panicking(|| error.clone()).map(Copied::shared), error),
            take: |shared| shared.downcast_ref::<Copied<E>>()?.copy(),
            fits: |shared| shared.is::<Copied<E>>(),
        }),
        text: type_alone,
        serve_stale_if: None,
        unbox: no_error,
        shed: None,
    };
}

impl<E: From<SharedError>> SharedErrors<E> {
    /// Returns the way of sharing errors that wrap the original one, which `put` takes.
    const fn wrapped(put: fn(E) -> (Option<SharedFailure>, E)) -> Self {
        SharedErrors {
            how: Some(ShareError {
                put,
                take: |shared| {
                    let shared = shared.downcast_ref::<SharedError>()?;
                    unless_panicking(|| shared.clone().into())
                },
                fits: |shared| shared.is::<SharedError>(),
            }),
            text: type_alone,
            serve_stale_if: None,
            unbox: no_error,
            shed: None,
        }
    }
}

/// The copy of an error that several callers share. A panic in its `Drop` reaches none of them.
struct Copied<E>(Option<E>);

impl<E: Clone + Send + Sync + 'static> Copied<E> {
    fn shared(error: E) -> SharedFailure {
        Arc::new(Copied(Some(error)))
    }

    fn copy(&self) -> Option<E> {
        unless_panicking(|| self.0.clone()).flatten()
    }
}

impl<E> Drop for Copied<E> {
    fn drop(&mut self) {
        drop_each(self.0.take());
    }
}

/// Wraps an error, which `show` shows as an `Error`, for several callers. If its type cannot wrap it, the caller
/// that has loaded gets the original.
fn wrap<E>(
    error: E,
    show: fn(&E) -> &(dyn Error + Send + Sync + 'static),
) -> (Option<SharedFailure>, E)
where
    E: From<SharedError> + Send + Sync + 'static,
{
    let original = Arc::new(OriginalError { error, show });
    let shared = SharedError::new(Arc::clone(&original));
    match unless_panicking(|| shared.clone().into()) {
        Some(error) => (Some(Arc::new(shared)), error),
        None => {
            drop(shared);
            let original = Arc::try_unwrap(original).map(|original| original.error);
            (None, original.unwrap_or_else(|original| SharedError::new(original).into()))
        }
    }
}

/// Returns the name of an error's type, for errors without another text.
pub(crate) fn type_alone<E>(_: &E) -> String {
    type_name::<E>().to_owned()
}

fn no_error<E>(_: BoxedError) -> Option<E> {
    None
}

/// An error that a detached load can pass to its caller.
#[diagnostic::on_unimplemented(
    message = "`detached` cannot pass an error of type `{Self}` from its task to the caller",
    label = "the error is not `Send + 'static`",
    note = "for an error of any type: `Box<dyn Error + Send + Sync>`"
)]
pub trait CarriedError: Send + 'static {}

#[diagnostic::do_not_recommend]
impl<E: Send + 'static> CarriedError for E {}

/// Returns the same way of sharing, with the `serve_stale_if` of the function.
pub fn serve_stale_if<K: OutputKind>(
    _: K,
    errors: SharedErrors<K::Error>,
    decide: fn(&K::Error) -> bool,
) -> SharedErrors<K::Error> {
    SharedErrors { serve_stale_if: Some(decide), ..errors }
}

/// Returns the same way of sharing, for errors that detached loads pass to their callers.
pub fn carried_errors<K>(_: K, errors: SharedErrors<K::Error>) -> SharedErrors<K::Error>
where
    K: OutputKind,
    K::Error: CarriedError,
{
    SharedErrors { unbox: |error| error.downcast().ok().map(|error| *error), ..errors }
}

/// An error that can be made of that of a load that was given up.
#[diagnostic::on_unimplemented(
    message = "`shed` returns an error, and `{Self}` cannot be made of `cache_runtime::Shed`",
    label = "does not implement `From<cache_runtime::Shed>`",
    note = "`shed` is for functions that return a `Result` whose error implements `From<Shed>`: with `thiserror`, add a variant `Busy(#[from] Shed)`; `Box<dyn Error>` and `anyhow::Error` are made of it as they are"
)]
pub trait FromShed: From<Shed> {}

#[diagnostic::do_not_recommend]
impl<E: From<Shed>> FromShed for E {}

/// Returns the same way of sharing, for a function whose loads are given up instead of waiting (`shed`).
pub fn shed_errors<K>(_: K, errors: SharedErrors<K::Error>) -> SharedErrors<K::Error>
where
    K: OutputKind,
    K::Error: FromShed,
{
    SharedErrors { shed: Some(|shed| shed.into()), ..errors }
}

/// A report of any error, which can be made of a shared one.
#[diagnostic::on_unimplemented(
    message = "`share_errors` cannot share an error of type `{Self}`",
    label = "neither `Clone`, nor can it be made of a shared error",
    note = "an error type that is `Clone + Send + Sync + 'static` is shared",
    note = "`std::io::Error`, `anyhow::Error`, `eyre::Report` and `Box<dyn Error + Send + Sync>` are shared",
    note = "an error type of yours is shared if it implements `std::error::Error` and `From<cache_runtime::SharedError>`: with `thiserror`, add a variant `Shared(#[from] SharedError)`"
)]
pub trait Wrap: AsRef<dyn Error + Send + Sync> + From<SharedError> + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<E> Wrap for E where
    E: AsRef<dyn Error + Send + Sync> + From<SharedError> + Send + Sync + 'static
{
}

/// Taken by method look-up if the error must be shared, and its type is an `Error` that can be made of a
/// shared one.
pub trait ProbeErrorOfShared<E> {
    /// Returns the way in which the error is shared.
    fn __cache_share_errors(&self) -> SharedErrors<E>;
}

impl<T, E> ProbeErrorOfShared<E> for &&Probe<Result<T, E>>
where
    E: Error + From<SharedError> + Send + Sync + 'static,
{
    fn __cache_share_errors(&self) -> SharedErrors<E> {
        SharedErrors::wrapped(|error| wrap(error, |error| error))
    }
}

/// Taken by method look-up for every other error that must be shared.
pub trait ProbeWrapError<E> {
    /// Returns the way in which the error is shared.
    fn __cache_share_errors(&self) -> SharedErrors<E>
    where
        E: Wrap;
}

impl<T, E> ProbeWrapError<E> for Probe<Result<T, E>> {
    fn __cache_share_errors(&self) -> SharedErrors<E>
    where
        E: Wrap,
    {
        SharedErrors::wrapped(|error| wrap(error, E::as_ref))
    }
}

/// Taken by method look-up if the error can be cloned for every waiting caller.
pub trait ProbeCloneError<E> {
    /// Returns the way in which the error is shared.
    fn __cache_share_errors(&self) -> SharedErrors<E>;
}

impl<T, E: Clone + Send + Sync + 'static> ProbeCloneError<E> for &Probe<Result<T, E>> {
    fn __cache_share_errors(&self) -> SharedErrors<E> {
        SharedErrors::CLONED
    }
}

/// Taken by method look-up if the error cannot be cloned.
pub trait ProbeNoCloneError {
    /// Returns the rule that errors are not shared.
    fn __cache_share_errors<E>(&self) -> SharedErrors<E>;
}

impl<R> ProbeNoCloneError for Probe<R> {
    fn __cache_share_errors<E>(&self) -> SharedErrors<E> {
        SharedErrors::NONE
    }
}

/// An error that can be remembered.
#[diagnostic::on_unimplemented(
    message = "`error_ttl` cannot remember an error of type `{Self}`",
    label = "the error is not `Clone`",
    note = "an error is remembered if it is `Clone + Send + Sync + 'static`, or, with `share_errors = true`, if it can be made of a shared one, as `std::io::Error`, `anyhow::Error`, `eyre::Report` and `Box<dyn Error + Send + Sync>` can"
)]
pub trait KeptError: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<E: Clone + Send + Sync + 'static> KeptError for E {}

/// Taken by method look-up if an error that must be remembered cannot be cloned.
pub trait ProbeKeptError {
    /// Returns the way in which the error is shared.
    fn __cache_share_errors<E: KeptError>(&self) -> SharedErrors<E>;
}

impl<R> ProbeKeptError for Probe<R> {
    fn __cache_share_errors<E: KeptError>(&self) -> SharedErrors<E> {
        SharedErrors::CLONED
    }
}

/// Returns the rule for return types whose error may borrow.
pub fn no_shared_errors<K: OutputKind>(_: K) -> SharedErrors<K::Error> {
    SharedErrors::NONE
}

#[cfg(test)]
mod tests {
    #![allow(clippy::needless_borrow, reason = "as generated code asks: look-up begins at `&&`")]
    use super::{Probe, ProbeCloneError as _, ProbeNoCloneError as _, ProbePlain as _};
    use super::{ProbeResult as _, SharedErrors};

    type Renamed<T> = Result<T, String>;
    struct NotClone;

    #[test]
    fn a_result_is_recognised_behind_an_alias() {
        let kind = (&&Probe::<Renamed<u8>>::new()).__cache_kind();
        assert_eq!(format!("{kind:?}"), "ResultKind");
        let kind = (&&Probe::<Option<u8>>::new()).__cache_kind();
        assert_eq!(format!("{kind:?}"), "PlainKind");
    }

    #[test]
    fn errors_are_shared_only_if_they_can_be_cloned() {
        let shared: SharedErrors<String> = (&&Probe::<Renamed<u8>>::new()).__cache_share_errors();
        assert!(shared.how.is_some());
        let kept: SharedErrors<NotClone> =
            (&&Probe::<Result<u8, NotClone>>::new()).__cache_share_errors();
        assert!(kept.how.is_none());
    }
}
