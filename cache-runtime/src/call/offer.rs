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

use super::Call;
use super::found::FoundValue;
use super::report::say_unconfirmed;
use crate::memory::Hit;
use crate::site::Coalesce;
use crate::support::lock::Mutex;
use crate::support::panics::{drop_each, unless_panicking};
use crate::tiers::core::Stores;
use crate::tiers::examine::{Leftover, Vacancy};
use crate::tiers::inherited::Inherited;
use crate::tiers::key::CallKey;
use crate::tiers::old_value::OldOf;
use crate::tiers::policy::Policy;
use crate::tiers::store_outcome::StoreOutcome;
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
enum Confirmation {
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

    fn set(&self, old: Value, load_micros: u64) {
        let mut state = self.0.lock();
        state.load_micros = load_micros;
        let before = state.old.replace(old);
        drop(state);
        drop(before);
    }

    fn confirmation(&self) -> Option<Confirmation> {
        self.0.lock().confirmation
    }

    fn load_time(&self) -> Duration {
        Duration::from_micros(self.0.lock().load_micros)
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offer")
    }
}

/// An entry in Redis that cannot be served.
pub(super) enum OldEntry {
    /// Its value, and the token of the root that it records.
    Value(Hit<Value>, u64),
    /// Its bytes. Its dependencies are compared when the load has begun, since the new entry inherits them.
    Bytes(Vec<u8>),
}

/// A body that inherits dependencies, and uses the old value.
pub(super) struct InheritingBody {
    /// The key of the entry in Redis; `None` if memory is the store.
    pub(super) key: Option<Arc<CallKey>>,
    pub(super) inherited: Arc<Inherited>,
}

impl Call {
    /// Offers a value that was found to the body of the load that replaces it.
    pub(super) fn offer(&self, found: &FoundValue) {
        // The dependencies of a found value are not known any more.
        if self.offer.is_some() && !self.policy.inherits.is_any() {
            self.offer_hit(&found.hit);
        }
    }

    /// Offers the value that memory keeps, if it is only past its TTL.
    pub(super) fn offer_from_memory(&self) {
        if self.offer.is_none() || self.policy.inherits.is_any() {
            return;
        }
        let OldOf { of, kept_ms, .. } = self.old_of();
        if let Some(hit) = self.core.value_in_memory(&self.key, of, kept_ms) {
            self.offer_hit(&hit);
        }
    }

    /// Takes an entry in Redis that is past its TTL, or whose tags have been invalidated. It then stays in its place until the
    /// load has succeeded, unless other processes have to see a placeholder there.
    pub(super) fn old_entry(&self, vacancy: &mut Vacancy) -> Option<OldEntry> {
        self.offer.as_ref()?;
        let (Leftover::Expired(bytes) | Leftover::Stale(bytes)) = &vacancy.leftover else {
            return None;
        };
        let old = if self.policy.inherits.is_any() {
            OldEntry::Bytes(bytes.clone())
        } else {
            let key = self.key_at(vacancy.place);
            let (hit, root) = self.core.old_value(&key, bytes, self.old_of())?;
            OldEntry::Value(hit, root)
        };
        if self.policy.coalesce != Coalesce::Fleet {
            vacancy.leftover = Leftover::Nothing;
        }
        Some(old)
    }

    /// Offers the value of such an entry, unless everything has been invalidated since: then values are not even kept for
    /// a comparison. Returns the bytes of an entry whose dependencies have to be compared first. `root` is the token that the
    /// load has noted.
    pub(super) fn offer_old(&self, old: Option<OldEntry>, root: Option<&u64>) -> Option<Vec<u8>> {
        match old? {
            OldEntry::Bytes(bytes) => return Some(bytes),
            OldEntry::Value(hit, noted) if Some(&noted) == root => self.offer_hit(&hit),
            OldEntry::Value(..) => {}
        }
        None
    }

    /// Offers the value of the present entry to a body that inherits dependencies, if those of the entry are all current. They
    /// are then dependencies of the new value as well, because its body may not run, or may return the old value.
    pub(super) async fn offer_inherited(&self, to: InheritingBody, bytes: Option<Vec<u8>>) {
        let (old, InheritingBody { key, inherited }) = (self.old_of(), to);
        let found = match (key, &self.core.redis) {
            (Some(key), Some(redis)) => {
                self.core.old_value_with_dependencies(redis, &key, bytes, old, &inherited).await
            }
            _ if self.stores == Stores::Memory => {
                self.core.old_value_in_memory_with_dependencies(&self.key, old, &inherited)
            }
            _ => None,
        };
        if let Some(hit) = found {
            self.offer_hit(&hit);
        }
    }

    fn old_of(&self) -> OldOf {
        let Policy { of, coding, grace, .. } = &self.policy;
        OldOf { of: *of, codec: coding.own, kept_ms: grace.kept_ms() }
    }

    fn offer_hit(&self, hit: &Hit<Value>) {
        // A `None` with a TTL of its own is not kept beyond it.
        let is_kept = self.policy.grace_of(hit.value.as_ref()).kept_ms() > 0;
        if let Some(offer) = self.offer.as_ref().filter(|_| is_kept) {
            offer.set(hit.value.clone(), hit.load_micros);
        }
    }

    /// Returns the load time of the old value, if the source has confirmed it, so that the body did not run. Counts the
    /// value as changed if the source has not.
    pub(super) fn renewed(&self) -> Option<Duration> {
        let offer = self.offer.as_ref()?;
        match offer.confirmation()? {
            Confirmation::Current => return Some(offer.load_time()),
            Confirmation::Panicked => say_unconfirmed(self),
            Confirmation::Changed => {}
        }
        self.counters.slow.revalidation_changes.one();
        None
    }

    /// Counts the end of a load whose value the source has confirmed.
    pub(super) fn count_renewal(&self, outcome: &StoreOutcome) {
        let confirmation = self.offer.as_ref().and_then(Offer::confirmation);
        if confirmation != Some(Confirmation::Current) {
            return;
        }
        match outcome {
            StoreOutcome::Stored(_) => self.counters.slow.revalidated.one(),
            _ => self.counters.slow.revalidations_refused.one(),
        }
    }
}
