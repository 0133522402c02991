//! The flow of a call that was not answered from memory at once.
//!
//! ```text
//! look:  a value at hand -- fresh, or stale and allowed --> return (and refresh it in the background)
//!                | none
//!        join or open a flight -- follower --> the leader's value (or wait for a place to retry)
//!                | leader
//!        Redis read, one round trip -- usable --> followers, return (and refresh it in the background)
//!                | miss
//! begin: placeholder and tokens
//! load:  body -> compare-and-set fill, memory store -> followers, return
//! ```
//!
//! The body is not run here, but by [`Run`], which is all that is compiled for each function.
//!
//! Nothing here fails the caller: if the cache cannot be used, the body runs.

mod admission;
mod admit;
mod background_refresh;
mod begin;
mod decision;
mod detached;
mod drive;
mod early;
mod fill;
mod fleet;
mod found;
mod load;
mod look;
mod many;
mod offer;
mod offering;
mod recursion;
mod reloads;
mod replace;
mod report;
mod requests;
mod retry;
mod sharing;
mod stale;
mod step;
mod turn;
mod verify;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use background_refresh::{
    Body, BodyPlace, LostError, run_in_background, serve_without_a_task,
};
pub(crate) use begin::begin;
pub(crate) use detached::{Detached, ToCaller, place_of, run_detached};
pub(crate) use drive::Next;
pub use drive::Run;
pub(crate) use early::is_due;
pub(crate) use found::Served;
pub(crate) use load::Action;
pub(crate) use look::look;
pub(crate) use many::{Answers, MissedId};
pub use many::{BatchLoaded, BatchNext, BatchRefresh, BatchRun};
pub use offer::{AsksSource, Offer, PreviousOf, TellsAtOnce, ask_source, let_go, previous};
pub(crate) use recursion::{heir, note_call, note_hit};
pub(crate) use requests::{begin_refresh, cached, peek, put};
pub(crate) use step::{BackgroundRefresh, Loading, Step, Verifying};
pub(crate) use turn::{answer, next, run_alone, turn};
pub(crate) use verify::{serve_unverified, verify_in_background};

use crate::collector::BypassReason;
use crate::deferral::Scope;
use crate::output::Shares;
use crate::site::Inherit;
use crate::stats::SiteCounters;
use crate::tiers::core::{Core, Stores};
use crate::tiers::inherited::{Inherited, Untraced};
use crate::tiers::key::CallKey;
use crate::tiers::means::Mean;
use crate::tiers::policy::Policy;
use crate::tiers::reading::Ask;
use crate::tiers::recent_errors::RecentError;
use crate::value::ValueRef;

/// One call on its way to a value: the state that the steps of the flow share.
pub(crate) struct Call {
    pub(crate) core: Arc<Core>,
    pub(crate) counters: Arc<SiteCounters>,
    pub(crate) key: Arc<CallKey>,
    pub(crate) policy: Policy,
    pub(crate) shares: Shares,
    pub(crate) stores: Stores,
    pub(crate) demands: Demands,
    /// Receives the dependencies of the value, if the body that makes the call inherits them.
    pub(crate) heir: Option<Arc<Inherited>>,
    /// The transactions around the call.
    pub(crate) scope: Option<Scope>,
    /// Receives the old value for the body, if its function uses one.
    pub(crate) offer: Option<Offer>,
}

/// The demands of a caller beyond the value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Demands {
    /// A value of this age or older is not used.
    pub(crate) max_age: Option<Duration>,
    /// The call has been chosen to refresh the fresh value that it has found in memory.
    pub(crate) early: bool,
    /// True if the body can run in a task of its own.
    pub(crate) background: bool,
}

impl Call {
    /// Returns true if the call is only answered from the cache: its transaction sees rows that nobody else sees, or a
    /// snapshot.
    pub(crate) fn reads_only(&self) -> bool {
        self.scope.as_ref().is_some_and(Scope::reads_only)
    }

    /// Returns the reason for which the call has bypassed the cache after its look-up.
    pub(crate) fn bypass_reason(&self) -> BypassReason {
        match self.reads_only() {
            true => BypassReason::ReadsOnly,
            false => BypassReason::Recursion,
        }
    }

    /// Returns the longest time to wait for the load of another caller or process.
    fn wait_limit(&self) -> Duration {
        self.core.config.wait_limit.max(self.mean_load().get() * 4)
    }

    /// Returns the mean time of loads of keys like this one.
    fn mean_load(&self) -> &Mean {
        self.core.means.of(self.key.kind())
    }

    fn weight(&self, value: ValueRef<'_>) -> Option<usize> {
        self.core.weight(&self.key, self.policy.weigh.as_ref(), value)
    }

    /// Returns the key of a place, under the name or beside it.
    fn key_at(&self, place: u8) -> Arc<CallKey> {
        if place == 0 { Arc::clone(&self.key) } else { Arc::new(self.key.at(place)) }
    }

    /// Returns the receiver of the dependencies that a body takes over; `None` if its function does not inherit them.
    fn inherits(&self) -> Option<Arc<Inherited>> {
        match self.policy.inherits {
            Inherit::Nothing => None,
            inherits => Some(Arc::new(Inherited::new(&self.core, inherits == Inherit::Tags))),
        }
    }

    /// Notes that the dependencies of a value are not known to the body that makes the call.
    pub(crate) fn loses_dependencies(&self) {
        if let Some(heir) = &self.heir {
            heir.lose(Untraced::NotStored);
        }
    }

    /// Notes that a load has failed, with an error for which a stale value may stand in or not. Returns true if
    /// the next load of this key waits for a while.
    fn note_failure(&self, stands_in: bool) -> bool {
        self.core.background.note_failure(&self.key, self.core.clock.now_ms(), stands_in)
    }

    /// Returns the error of a load of this key that has failed lately, if its function remembers errors.
    fn recent_error(&self) -> Option<RecentError> {
        self.policy.error_ttl?;
        let recent = self.core.recent_error(&self.key, self.stores)?;
        self.shares.is_some_and(|is_ours| is_ours(&recent.error)).then_some(recent)
    }

    /// Returns the query for this call's value. It does not accept a copy in memory if the value must be
    /// younger than a certain age, or may be refreshed early: Redis may have a newer value.
    fn ask(&self, grace_ms: u64) -> Ask {
        let Demands { max_age, early, .. } = self.demands;
        let heir = self.heir.clone();
        // A copy in memory has no tokens to inherit, and a stale value would be inherited as a fresh one.
        let grace_ms = if heir.is_some() { 0 } else { grace_ms };
        let copies =
            max_age.is_none() && !early && self.policy.early_refresh <= 0.0 && heir.is_none();
        let (of, codec, weigh) =
            (self.policy.of, self.policy.coding.own, self.policy.weigh.clone());
        let relies = self.core.relies_on_memory(self.stores);
        Ask { stores: self.stores, relies, of, codec, weigh, grace_ms, copies, heir }
    }
}
