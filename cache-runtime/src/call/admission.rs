//! The wait of a load for its permits, between the notes about its key and its body.
//!
//! What was noted before a long wait may be outdated after it. Then the load begins again, because its value could not be
//! stored otherwise (R2).

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::found::Served;
use super::load::{FailedFlight, Goal, Load};
use super::replace::begin_put;
use super::report::count_stale;
use super::sharing::pass_recent;
use super::{Call, recursion};
use crate::error::Shed;
use crate::flight::{Flight, FlightOutcome, Leader};
use crate::gates::{Admitted, Demand, Refused};
use crate::redis::{BeginOf, Placeholder};
use crate::support::boxed::Boxed;
use crate::tiers::key::CallKey;
use crate::tiers::policy::life_of;
use crate::tiers::recent_errors::RecentError;

/// The state of a load with limits.
pub(super) enum Admission {
    /// It has not asked for its permits.
    Due,
    Waiting(Boxed<Result<Admitted, Refused>>),
    /// It begins again.
    BeginsAgain(Boxed<Option<Goal>>, Admitted),
    /// Its body may run.
    Open(Admitted),
}

/// A load that has been given up before its body.
pub(super) enum TurnedAway {
    /// This is served instead.
    Served(Served),
    /// The error is returned to the caller, and to the followers if it can be shared.
    Shed(Shed, FailedFlight),
}

/// The consequence of a wait that is too long.
#[derive(Clone, Copy)]
pub(super) enum Patience {
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
    /// Returns true if the limits of the function hold up a load that the call can do without. `waits` is true if the call
    /// itself would wait for it.
    pub(super) fn is_held_up(&self, waits: bool) -> bool {
        let Some(limits) = &self.policy.limits else { return false };
        let bodies = recursion::bodies();
        limits.turns_away(self.core.clock.now_ms(), &bodies) || (waits && limits.is_full(&bodies))
    }

    /// Returns the error that answers the call: that of a recent load of this key, or the last one of the function if its
    /// source fails.
    pub(super) fn known_error(&self, leader: &Leader<CallKey>) -> Option<RecentError> {
        self.recent_error().or_else(|| self.error_of_source(leader))
    }

    fn error_of_source(&self, leader: &Leader<CallKey>) -> Option<RecentError> {
        let limits = self.policy.limits.as_ref()?;
        if !limits.turns_away(self.core.clock.now_ms(), &recursion::bodies()) {
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
        patience: Patience,
        is_refresh: bool,
    ) -> Option<Boxed<Result<Admitted, Refused>>> {
        let limits = Arc::clone(self.policy.limits.as_ref()?);
        let demand = Demand {
            flights,
            around: recursion::bodies(),
            is_refresh,
            patience: match patience {
                Patience::Waits => None,
                Patience::Until(limit) => Some(limit),
                Patience::DoesWithout => (!is_refresh).then_some(Duration::ZERO),
            },
            gives_up: matches!(patience, Patience::DoesWithout),
            shares_errors: self.shares.is_some(),
            now_ms: self.core.clock.now_ms(),
        };
        let (core, counters) = (Arc::clone(&self.core), Arc::clone(&self.counters));
        Some(Box::pin(async move { core.gates.admit(limits, counters, demand).await }))
    }
}

impl Load {
    /// Waits until the body may run.
    ///
    /// # Errors
    /// The reason for which the load is given up.
    #[inline]
    pub(super) fn admit(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        match self.admission {
            None | Some(Admission::Open(_)) => Poll::Ready(Ok(())),
            Some(_) => self.wait_for_permits(context),
        }
    }

    #[cold]
    fn wait_for_permits(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        loop {
            self.admission = match self.admission.take() {
                None => return Poll::Ready(Ok(())),
                Some(Admission::Due) => self.ask().map(Admission::Waiting),
                Some(Admission::Waiting(mut wait)) => match wait.as_mut().poll(context) {
                    Poll::Ready(Ok(admitted)) => Some(match self.begin_again(admitted.waited) {
                        Some(again) => Admission::BeginsAgain(again, admitted),
                        None => Admission::Open(admitted),
                    }),
                    Poll::Ready(Err(refused)) => return Poll::Ready(Err(refused)),
                    Poll::Pending => {
                        self.admission = Some(Admission::Waiting(wait));
                        self.renew(context);
                        return Poll::Pending;
                    }
                },
                Some(Admission::BeginsAgain(mut again, admitted)) => {
                    let Poll::Ready(goal) = again.as_mut().poll(context) else {
                        self.admission = Some(Admission::BeginsAgain(again, admitted));
                        return Poll::Pending;
                    };
                    self.aim_at(goal);
                    Some(Admission::Open(admitted))
                }
                Some(Admission::Open(admitted)) => {
                    self.admission = Some(Admission::Open(admitted));
                    return Poll::Ready(Ok(()));
                }
            };
        }
    }

    fn ask(&self) -> Option<Boxed<Result<Admitted, Refused>>> {
        let patience = match (self.has_instead(), self.call.policy.shed) {
            (true, _) => Patience::DoesWithout,
            (false, Some(limit)) => Patience::Until(limit),
            (false, None) => Patience::Waits,
        };
        self.call.admission(vec![Arc::clone(self.leader.flight())], patience, false)
    }

    /// Notes the state of the key again, after a wait during which it may have changed.
    pub(super) fn begin_again(&self, waited: Duration) -> Option<Boxed<Option<Goal>>> {
        if waited.is_zero() {
            return None;
        }
        let (call, leader) = (&self.call, &self.leader);
        let (core, longest) = (Arc::clone(&call.core), call.core.config.max_load);
        match &self.goal {
            // After an outage, such a value is not stored.
            Goal::Memory { limit: Some(_) } | Goal::Nowhere(_) => None,
            Goal::Memory { limit: None } => {
                leader.note_again(&core.generations, call.key.slots());
                None
            }
            Goal::Redis { key, ticket } => {
                let is_current = core.generations.storable(&leader.snapshot());
                if is_current && (self.is_leased() || waited < longest / 2) {
                    return None;
                }
                leader.note_again(&core.generations, call.key.slots());
                let (call, key, ticket) = (Arc::clone(call), Arc::clone(key), ticket.clone());
                Some(Box::pin(async move {
                    let begin = BeginOf {
                        name: key.stored_as(),
                        tags: key.tags(),
                        over: ticket.over(),
                        life: life_of(call.policy.longest()),
                        placeholder: Placeholder::new(longest),
                        derives: call.policy.derives(),
                    };
                    let ticket = core.redis.as_ref()?.begin(&begin).await.ok()?;
                    let is_whole = ticket.tokens.len() == key.tags().len() + 1;
                    is_whole.then_some(Goal::Redis { key, ticket })
                }))
            }
            Goal::Place { overtaken, .. } => {
                let (call, overtaken) = (Arc::clone(call), *overtaken);
                Some(Box::pin(async move {
                    Some(Goal::Place { put: begin_put(&call, 0).await, overtaken })
                }))
            }
        }
    }

    /// Takes the new goal of a load that has begun again. Without one, that of its first begin stays.
    pub(super) fn aim_at(&mut self, goal: Option<Goal>) {
        let Some(goal) = goal else { return };
        if let Goal::Place { put, .. } = mem::replace(&mut self.goal, goal) {
            put.give_up();
        }
    }

    /// Ends a load that has been given up before its body. It has not failed.
    pub(super) fn turn_away(self, refused: Refused) -> TurnedAway {
        let is_shared = !self.is_uncommitted();
        let (call, leader, instead) = self.give_up();
        call.loses_dependencies();
        if let Some(found) = instead {
            // As after a load that has failed, the followers read the value themselves.
            leader.land(|| FlightOutcome::Outdated(None));
            count_stale(&call, found.is_stale());
            return TurnedAway::Served(Served::found(found));
        }
        match refused {
            Refused::LastError(last) => {
                let (snapshot, failed_ms) = (leader.snapshot(), last.failed_ms);
                let recent =
                    RecentError { error: last.error, stands_in: true, failed_ms, snapshot };
                TurnedAway::Served(pass_recent(&call, leader, recent))
            }
            Refused::Shed(shed) => TurnedAway::Shed(shed, FailedFlight::new(leader, is_shared)),
        }
    }
}
