//! The permits of a load: its wait for them, and the effects of a source that is busy or fails.

use std::sync::Arc;
use std::time::Duration;

use super::report::say_breaker;
use super::{Call, recursion};
use crate::flight::{Flight, Leader};
use crate::gates::{Admitted, BodyResult, Demand, Refused};
use crate::support::boxed::Boxed;
use crate::tiers::key::CallKey;
use crate::tiers::recent_errors::RecentError;

/// The state of a load with limits. `G` is its goal, which changes if it begins again.
pub(super) enum Admission<G> {
    /// It has not asked for its permits.
    Due,
    Waiting(Boxed<Result<Admitted, Refused>>),
    /// It begins again.
    BeginsAgain(Boxed<Option<G>>, Admitted),
    /// Its body may run.
    Open(Admitted),
}

/// The consequence of a wait that is too long.
#[derive(Clone, Copy)]
pub(super) enum PermitWait {
    /// The load waits until its turn.
    Waits,
    /// The load is given up after this time.
    Until(Duration),
    /// A stale value is served instead of waiting, or no caller waits.
    DoesWithout,
}

/// Waits for permits; for none if there are no limits.
pub(super) async fn waited(
    admission: Option<Boxed<Result<Admitted, Refused>>>,
) -> Result<Option<Admitted>, Refused> {
    match admission {
        Some(admission) => admission.await.map(Some),
        None => Ok(None),
    }
}

impl Call {
    /// Returns true if a source of the function has a breaker.
    pub(super) fn has_breaker(&self) -> bool {
        self.policy.limits.as_ref().is_some_and(|limits| limits.has_breaker())
    }

    /// Notes the result of a body for the breaker of its source, and logs a change of it.
    pub(super) fn note_source(&self, result: BodyResult) {
        if let Some(limits) = &self.policy.limits {
            let now_ms = self.core.clock.now_ms();
            limits.note(result, now_ms, |source, opened| say_breaker(self, source, opened));
        }
    }

    /// Returns true if the limits of the function hold up a load that the call can do without. `waits` is true if the call
    /// itself would wait for it.
    pub(super) fn is_held_up(&self, waits: bool) -> bool {
        let Some(limits) = &self.policy.limits else { return false };
        let bodies = recursion::bodies();
        limits.rejects(self.core.clock.now_ms(), &bodies) || (waits && limits.is_full(&bodies))
    }

    /// Returns the error that answers the call: that of a recent load of this key, or the last one of the function if its
    /// source fails.
    pub(super) fn known_error(&self, leader: &Leader<CallKey>) -> Option<RecentError> {
        self.recent_error().or_else(|| self.error_of_source(leader))
    }

    fn error_of_source(&self, leader: &Leader<CallKey>) -> Option<RecentError> {
        let limits = self.policy.limits.as_ref()?;
        if !limits.rejects(self.core.clock.now_ms(), &recursion::bodies()) {
            return None;
        }
        let last = limits.last_error()?;
        let is_ours = self.shares.is_some_and(|is_ours| is_ours(&last.error));
        let (error, failed_ms, stands_in) = (last.error, last.failed_ms, true);
        let recent = || RecentError { error, stands_in, failed_ms, snapshot: leader.snapshot() };
        is_ours.then(recent)
    }

    /// Waits for the permits of a body that loads these flights; `None` if its function has no limits.
    pub(super) fn admission(
        &self,
        flights: Vec<Arc<Flight>>,
        patience: PermitWait,
        is_refresh: bool,
    ) -> Option<Boxed<Result<Admitted, Refused>>> {
        let limits = Arc::clone(self.policy.limits.as_ref()?);
        let demand = Demand {
            flights,
            around: recursion::bodies(),
            is_refresh,
            patience: match patience {
                PermitWait::Waits => None,
                PermitWait::Until(limit) => Some(limit),
                PermitWait::DoesWithout => (!is_refresh).then_some(Duration::ZERO),
            },
            gives_up: matches!(patience, PermitWait::DoesWithout),
            shares_errors: self.shares.is_some(),
            now_ms: self.core.clock.now_ms(),
        };
        let (core, counters) = (Arc::clone(&self.core), Arc::clone(&self.counters));
        Some(Box::pin(async move { core.gates.admit(limits, counters, demand).await }))
    }
}
