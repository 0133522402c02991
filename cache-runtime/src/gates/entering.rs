//! The way of a load to its permits, and their return.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::gate::{Asked, Gate, InQueue, LoadPermit, Probing};
use super::limits::{LastError, SiteLimits};
use super::queue::LoadClass;
use super::table::Gates;
use crate::error::Shed;
use crate::flight::{Flight, Waits};
use crate::stats::SiteCounters;
use crate::support::clock::micros;
use crate::support::timer::timeout;

/// A load that asks for its permits.
pub(crate) struct Demand {
    /// The flights of the load.
    pub(crate) flights: Vec<Arc<Flight>>,
    /// The bodies that make the call, the innermost last.
    pub(crate) around: Vec<Arc<Flight>>,
    /// True if no caller waits for the load.
    pub(crate) is_refresh: bool,
    /// The maximum wait, if the load is given up after it.
    pub(crate) patience: Option<Duration>,
    /// True if the load is given up at once while the source fails, unless it is a probe.
    pub(crate) gives_up: bool,
    /// True if the last error of the function can be its output.
    pub(crate) shares_errors: bool,
    pub(crate) now_ms: u64,
}

/// The reason for which a load has no permit.
#[derive(Clone, Debug)]
pub(crate) enum Refused {
    /// It would have had to wait longer than it may, or the source fails.
    Shed(Shed),
    /// The source fails, and this is the last error of the function.
    LastError(LastError),
}

impl Refused {
    /// Returns the error of the load, if it was given up with one of its own.
    pub(crate) fn shed(&self) -> Option<Shed> {
        match self {
            Refused::Shed(shed) => Some(shed.clone()),
            Refused::LastError(_) => None,
        }
    }
}

/// The permits of a body, until this is dropped.
pub(crate) struct Admitted {
    limits: Arc<SiteLimits>,
    flights: Vec<Arc<Flight>>,
    counters: Arc<SiteCounters>,
    /// The number of gates whose permits it has.
    taken: usize,
    /// The time for which it had to wait; zero if it did not.
    pub(crate) waited: Duration,
    /// Present if the body finds out if the source has recovered.
    probing: Option<Probing>,
}

impl Gates {
    /// Waits for the permits of a load.
    ///
    /// Cancel safe: the place of a dropped wait is free.
    ///
    /// # Errors
    /// The reason for which the load is given up.
    pub(crate) async fn admit(
        &self,
        limits: Arc<SiteLimits>,
        counters: Arc<SiteCounters>,
        demand: Demand,
    ) -> Result<Admitted, Refused> {
        let probing = limits.probe(&demand)?;
        let flights = demand.flights.clone();
        let mut admitted = Admitted {
            limits: Arc::clone(&limits),
            flights,
            counters,
            taken: 0,
            waited: Duration::ZERO,
            probing,
        };
        let began = Instant::now();
        for gate in &limits.gates {
            let permit = match gate.held_by(&demand.around) {
                Some(permit) => permit,
                None => self.permit(gate, &mut admitted, &demand, began).await?,
            };
            gate.hold(&demand.flights, &permit);
            admitted.taken += 1;
        }
        admitted.counters.body_enters();
        Ok(admitted)
    }

    async fn permit(
        &self,
        gate: &Arc<Gate>,
        admitted: &mut Admitted,
        demand: &Demand,
        began: Instant,
    ) -> Result<Arc<LoadPermit>, Refused> {
        let patience = demand.patience.map(|patience| patience.saturating_sub(began.elapsed()));
        if patience.is_some_and(|patience| patience.is_zero()) && gate.is_full() {
            return Err(shed(gate, &admitted.counters, began));
        }
        let class = if demand.is_refresh { LoadClass::Refresh } else { LoadClass::Miss };
        let queued = match gate.ask(class, &demand.flights) {
            Asked::Permit(permit) => return Ok(permit),
            Asked::Queued(queued) => queued,
        };
        // The bodies that make the call wait for it. This is noted for the bodies that wait for them in turn.
        let flight = demand.flights.first();
        let _waits = flight.map(|flight| Waits::note(demand.around.clone(), Arc::clone(flight)));
        if demand.flights.iter().any(|flight| flight.is_needed()) {
            self.lend();
        }
        let permit = {
            let _waiting = Waiting::begin(gate, &admitted.counters);
            wait(queued, patience).await
        };
        // A wait of no time is one as well: something may have changed.
        admitted.waited = began.elapsed().max(Duration::from_nanos(1));
        permit.ok_or_else(|| shed(gate, &admitted.counters, began))
    }
}

async fn wait(queued: InQueue, patience: Option<Duration>) -> Option<Arc<LoadPermit>> {
    match patience {
        Some(patience) => timeout(patience, queued).await.ok(),
        None => Some(queued.await),
    }
}

/// Counts a load that is given up.
fn shed(gate: &Gate, counters: &SiteCounters, began: Instant) -> Refused {
    gate.counters.shed.one();
    counters.slow.shed.one();
    Refused::Shed(Shed::new(gate.name(), gate.limit(), began.elapsed()))
}

impl SiteLimits {
    /// Begins a probe, if the source fails and it is the time of one.
    ///
    /// # Errors
    /// The reason for which the load is given up, because the source fails.
    fn probe(&self, demand: &Demand) -> Result<Option<Probing>, Refused> {
        let open = self.gates.iter().find(|gate| gate.is_open());
        let Some(gate) = open.filter(|gate| gate.held_by(&demand.around).is_none()) else {
            return Ok(None);
        };
        if let Some(probing) = gate.begin_probe(demand.now_ms) {
            return Ok(Some(probing));
        }
        match self.last_error().filter(|_| demand.shares_errors) {
            Some(last) if !demand.gives_up => Err(Refused::LastError(last)),
            _ if demand.gives_up || demand.patience.is_some() => {
                Err(Refused::Shed(Shed::new(gate.name(), gate.limit(), Duration::ZERO)))
            }
            _ => Ok(None),
        }
    }
}

impl Admitted {
    /// Returns true if the body finds out if the source has recovered.
    pub(crate) fn is_probe(&self) -> bool {
        self.probing.is_some()
    }

    /// Gives the permits back, because the body has ended.
    pub(crate) fn release(&mut self) {
        if self.taken == self.limits.gates.len() && self.taken > 0 {
            self.counters.body_leaves();
        }
        for gate in self.limits.gates.iter().take(self.taken) {
            gate.let_go(&self.flights);
        }
        self.taken = 0;
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.release();
    }
}

/// A wait in a queue, which is counted and timed until it is dropped.
struct Waiting<'a> {
    gate: &'a Gate,
    counters: &'a SiteCounters,
    since: Instant,
}

impl<'a> Waiting<'a> {
    fn begin(gate: &'a Gate, counters: &'a SiteCounters) -> Self {
        gate.counters.queued.one();
        counters.slow.queued.one();
        counters.load_waits();
        Waiting { gate, counters, since: Instant::now() }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let waited = micros(self.since.elapsed());
        self.gate.counters.waited_micros.add(waited);
        self.counters.slow.waited_micros.add(waited);
        self.counters.load_waited();
    }
}
