//! Finds the old value for the body of a load, and counts the answers about it.

use std::sync::Arc;
use std::time::Duration;

use super::Call;
use super::found::FoundValue;
use super::offer::{Confirmation, Offer};
use super::report::say_unconfirmed;
use crate::memory::Hit;
use crate::site::Coalesce;
use crate::tiers::core::Stores;
use crate::tiers::examine::{Leftover, Vacancy};
use crate::tiers::inherited::Inherited;
use crate::tiers::key::CallKey;
use crate::tiers::old_value::OldOf;
use crate::tiers::policy::Policy;
use crate::tiers::store_outcome::StoreOutcome;
use crate::value::Value;

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
        if let Some((hit, _)) = self.core.kept_in_memory(&self.key, of, kept_ms) {
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

    /// Takes the offer back: the old value has been invalidated since.
    pub(super) fn withdraw_offer(&self) {
        self.offer.iter().for_each(Offer::withdraw);
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
