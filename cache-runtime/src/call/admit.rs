//! The wait of a load for its permits, between the notes about its key and its body.
//!
//! A long wait may outdate the notes that were made before it. Then the load begins again, because its value could not be
//! stored otherwise (R2).

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::admission::{Admission, PermitWait};
use super::found::Served;
use super::load::{FailedFlight, Goal, Load};
use super::replace::begin_put;
use super::report::count_stale;
use super::sharing::pass_recent;
use crate::error::Shed;
use crate::flight::FlightOutcome;
use crate::gates::{Admitted, Refused};
use crate::redis::{BeginOf, Placeholder};
use crate::support::boxed::Boxed;
use crate::tiers::policy::life_of;
use crate::tiers::recent_errors::RecentError;

/// A load that has been given up before its body.
pub(super) enum Rejected {
    /// This is served instead.
    Served(Served),
    /// The error is returned to the caller, and to the followers if it can be shared.
    Shed(Shed, FailedFlight),
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
            (true, _) => PermitWait::DoesWithout,
            (false, Some(limit)) => PermitWait::Until(limit),
            (false, None) => PermitWait::Waits,
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
        let is_current = core.generations.storable(&leader.snapshot());
        if !is_current {
            call.withdraw_offer();
        }
        match &self.goal {
            // After an outage, such a value is not stored.
            Goal::Memory { limit: Some(_) } | Goal::Nowhere(_) => None,
            Goal::Memory { limit: None } => {
                leader.note_again(&core.generations, call.key.slots());
                None
            }
            Goal::Redis { key, ticket } => {
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
    pub(super) fn reject(self, refused: Refused) -> Rejected {
        let is_shared = !self.is_uncommitted();
        let (call, leader, instead) = self.give_up();
        call.loses_dependencies();
        if let Some(found) = instead {
            // As after a load that has failed, the followers read the value themselves.
            leader.land(|| FlightOutcome::Outdated(None));
            count_stale(&call, found.is_stale());
            return Rejected::Served(Served::found(found));
        }
        match refused {
            Refused::LastError(last) => {
                let (snapshot, failed_ms) = (leader.snapshot(), last.failed_ms);
                let recent =
                    RecentError { error: last.error, stands_in: true, failed_ms, snapshot };
                Rejected::Served(pass_recent(&call, leader, recent))
            }
            Refused::Shed(shed) => Rejected::Shed(shed, FailedFlight::new(leader, is_shared)),
        }
    }
}
