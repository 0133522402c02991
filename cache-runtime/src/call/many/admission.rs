//! The wait of the body of a call of many keys for its permits.

use std::future::poll_fn;
use std::mem;
use std::time::Duration;

use futures_util::future::join_all;

use super::calls::ManyCalls;
use crate::call::admission::PermitWait;
use crate::call::admit::Rejected;
use crate::error::Shed;
use crate::gates::Refused;
use crate::support::boxed::boxed;
use crate::tiers::origin::{Origin, Source};

impl ManyCalls {
    /// Waits until the body may run: one body has one permit. `may_shed` is true if the call can return the error of a
    /// load that is given up. If all keys have stale values, these are served instead of a wait.
    ///
    /// # Errors
    /// The reason for which the body does not run.
    pub(super) async fn admit(&mut self, may_shed: bool) -> Result<(), Refused> {
        let Some((_, first)) = self.loads.first() else { return Ok(()) };
        if first.call.policy.limits.is_none() {
            return Ok(());
        }
        let has_stale =
            self.aside.is_empty() && self.loads.iter().all(|(_, load)| load.has_instead());
        let patience = match first.call.policy.shed.filter(|_| may_shed) {
            _ if has_stale => PermitWait::DoesWithout,
            Some(limit) => PermitWait::Until(limit),
            None => PermitWait::Waits,
        };
        // Those who wait for a later body of this call wait for this one.
        let flights: Vec<_> = self.leading().map(|(_, flight)| flight).collect();
        let admission = first.call.admission(flights, patience, false);
        let Some(mut admission) = admission else { return Ok(()) };
        let admitted = poll_fn(|context| {
            let polled = admission.as_mut().poll(context);
            if polled.is_pending() {
                self.loads.iter_mut().for_each(|(_, load)| load.renew(context));
            }
            polled
        });
        let admitted = admitted.await?;
        self.begin_again(admitted.waited).await;
        self.admitted = Some(admitted);
        Ok(())
    }

    async fn begin_again(&mut self, waited: Duration) {
        let begins = self.loads.iter_mut().filter_map(|(_, load)| {
            let again = load.begin_again(waited)?;
            Some(async move { load.aim_at(again.await) })
        });
        boxed(|| join_all(begins)).await;
    }

    /// Ends the loads of a body that does not run. Returns the error if a key has no stale value.
    pub(super) fn reject(&mut self, refused: &Refused) -> Option<Shed> {
        self.polled = None;
        let aside = mem::take(&mut self.aside);
        let mut error = refused.shed().filter(|_| !aside.is_empty());
        aside.into_iter().for_each(|key| self.end_aside(key, true));
        for (key, load) in mem::take(&mut self.loads) {
            match load.reject(refused.clone()) {
                Rejected::Served(served) => self.serve_output(key, served),
                Rejected::Shed(shed, flight) => {
                    flight.land(None);
                    self.end(key, Origin::new(Source::Load), true);
                    error = Some(shed);
                }
            }
        }
        error
    }
}
