//! The old value that a load has at hand for its body, which may confirm it (`still_current`) or use it (`previous`).
//!
//! R1, R2: the body asks the source about the old value after its load has noted the tokens and the state of the key. So a
//! renewed value is stored under the same conditions as the value that a body returns.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;

use crate::support::lock::Mutex;
use crate::support::panics::{drop_each, unless_panicking};
use crate::value::{StoredKind, Value, owned};

/// The old value for the body of a call; empty if none is at hand.
#[derive(Clone, Default)]
pub struct Offer(Arc<Mutex<OfferState>>);

#[derive(Default)]
struct OfferState {
    old: Option<Value>,
    /// The duration of the load that returned it.
    load_micros: u64,
    confirmation: Option<Confirmation>,
}

/// The answer of `still_current` about the old value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Confirmation {
    Current,
    Changed,
    /// The body runs, as for a value that has changed.
    Panicked,
}

/// A future that answers if the old value is still current.
#[diagnostic::on_unimplemented(
    message = "the closure of `still_current` returns a future of a `bool`",
    label = "not a future of a `bool`",
    note = "call an async function in it, or return an `async` block: `|old| async move {{ .. }}`"
)]
pub trait AsksSource: Future<Output = bool> {}

#[diagnostic::do_not_recommend]
impl<F: Future<Output = bool>> AsksSource for F {}

/// The answer about the old value, in a function that is not async.
#[diagnostic::on_unimplemented(
    message = "the closure of `still_current` returns a `bool`, because the function is not async",
    label = "not a `bool`"
)]
pub trait TellsAtOnce {
    /// Returns the answer.
    fn told(self) -> bool;
}

impl TellsAtOnce for bool {
    fn told(self) -> bool {
        self
    }
}

/// The type of an argument that takes the previous value.
#[diagnostic::on_unimplemented(
    message = "the argument of `previous` takes the value that was cached before: its type has to be `Option<{V}>`",
    label = "not `Option<{V}>`"
)]
pub trait PreviousOf<V> {
    /// Returns the argument.
    fn of(old: Option<V>) -> Self;
}

impl<V> PreviousOf<V> for Option<V> {
    fn of(old: Option<V>) -> Self {
        old
    }
}

/// Returns the argument of the option `previous`.
pub fn previous<V, P: PreviousOf<V>>(old: Option<V>) -> P {
    P::of(old)
}

/// Drops an old value that the body does not use. A panic in its `Drop` does not reach the caller.
pub fn let_go<V>(old: Option<V>) {
    drop_each(old);
}

/// Calls the closure of `still_current`; `None` if it panics.
pub fn ask_source<F: AsksSource>(ask: impl FnOnce() -> F) -> Option<F> {
    unless_panicking(ask)
}

impl Offer {
    /// Takes the old value, at the beginning of a body.
    pub fn take<K: StoredKind>(&self, _: K) -> Option<K::Value> {
        let mut state = self.0.lock();
        state.confirmation = None;
        let old = state.old.take();
        drop(state);
        owned(old?)
    }

    /// Waits for the answer of the source. A panic counts as a change.
    pub async fn is_current<F: AsksSource>(&self, asked: Option<F>) -> bool {
        let answer = match asked {
            Some(asked) => AssertUnwindSafe(asked).catch_unwind().await.ok(),
            None => None,
        };
        self.answered(answer)
    }

    /// Does the same in a function that is not async.
    pub fn is_current_now<T: TellsAtOnce>(&self, ask: impl FnOnce() -> T) -> bool {
        self.answered(unless_panicking(ask).map(T::told))
    }

    fn answered(&self, answer: Option<bool>) -> bool {
        let confirmation = match answer {
            Some(true) => Confirmation::Current,
            Some(false) => Confirmation::Changed,
            None => Confirmation::Panicked,
        };
        self.0.lock().confirmation = Some(confirmation);
        confirmation == Confirmation::Current
    }

    pub(super) fn set(&self, old: Value, load_micros: u64) {
        let mut state = self.0.lock();
        state.load_micros = load_micros;
        let before = state.old.replace(old);
        drop(state);
        drop(before);
    }

    pub(super) fn withdraw(&self) {
        let before = self.0.lock().old.take();
        drop(before);
    }

    pub(super) fn confirmation(&self) -> Option<Confirmation> {
        self.0.lock().confirmation
    }

    pub(super) fn load_time(&self) -> Duration {
        Duration::from_micros(self.0.lock().load_micros)
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offer")
    }
}
