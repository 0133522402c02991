//! Waits for the loads of other callers.

use std::mem;
use std::sync::Arc;

use futures_util::{FutureExt as _, StreamExt as _};

use super::calls::{Led, ManyCalls, Waited};
use crate::call::Call;
use crate::call::begin::begin;
use crate::call::load::Action;
use crate::call::retry::{Patience, alone};
use crate::call::sharing::{is_absent, shared_output};
use crate::call::step::Loading;
use crate::call::waiting::{WaitError, wait};
use crate::flight::{FlightOutcome, Follower};
use crate::support::boxed::Boxed;
use crate::tiers::origin::{Origin, Source};

/// Returns the wait for a flight.
pub(super) fn follow(key: usize, call: Arc<Call>, follower: Follower) -> Boxed<(usize, Waited)> {
    Box::pin(async move {
        let outcome = wait(&call, &follower).await;
        (key, Waited::Flight(follower, outcome))
    })
}

/// Returns the wait for another process that loads the same key.
pub(super) fn wait_for_fleet(
    key: usize,
    call: Arc<Call>,
    loading: Loading,
) -> Boxed<(usize, Waited)> {
    Box::pin(async move { (key, Waited::Fleet(begin(&call, loading).await)) })
}

fn retry(key: usize, call: Arc<Call>, mut patience: Patience) -> Boxed<(usize, Waited)> {
    Box::pin(async move {
        let leader = patience.retry(&call).await;
        (key, Waited::Retry(patience, leader))
    })
}

impl ManyCalls {
    /// Waits until at least one of the waits has ended, and goes on with those that have.
    pub(super) async fn wait(&mut self) {
        let mut ended = self.waits.next().await;
        while let Some((key, waited)) = ended {
            self.waited(key, waited);
            // One body loads all keys that are ready at once.
            ended = self.waits.next().now_or_never().flatten();
        }
    }

    pub(super) fn waited(&mut self, key: usize, waited: Waited) {
        let Some(call) = self.call(key) else { return };
        match waited {
            Waited::Flight(_, Ok(outcome)) => self.landed(key, call, &outcome),
            Waited::Flight(_, Err(WaitError::Circle)) => {
                let leader = alone(&call);
                self.lone.push((key, call, leader));
            }
            // The first caller to reach the wait limit leads the next flight; the others join it.
            Waited::Flight(follower, Err(WaitError::TooLong)) => {
                call.core.flights.give_up(&call.key, &follower);
                self.next.push(key);
            }
            Waited::Retry(patience, leader) => {
                self.items[key].patience = patience;
                match leader {
                    Some(leader) => self.lone.push((key, call, leader)),
                    None => self.next.push(key),
                }
            }
            Waited::Fleet(action) => {
                self.elsewhere.retain(|(of, _)| *of != call.key);
                self.begun(key, action);
            }
        }
    }

    fn landed(&mut self, key: usize, call: Arc<Call>, outcome: &FlightOutcome) {
        if is_absent(&call, outcome) {
            self.end(key, Origin::new(Source::Shared), false);
            return self.answer(key, None);
        }
        if let Some(served) = shared_output(&call, outcome) {
            return self.serve_output(key, served);
        }
        let patience = &mut self.items[key].patience;
        if patience.bears(outcome) {
            self.next.push(key);
        } else {
            let patience = mem::take(patience);
            self.waits.push(retry(key, call, patience));
        }
    }

    /// Goes on with a load that has begun, or that is not needed.
    pub(super) fn begun(&mut self, key: usize, action: Action) {
        match action {
            Action::Return(served) => self.serve_output(key, served),
            Action::Load(load) => self.led.push((key, Led::Begun(load))),
            Action::Bypass => self.led.push((key, Led::Aside)),
        }
    }
}
