//! The phases of a flight, and how one follows from another.
//!
//! Each change of a flight is a [`FlightEvent`], and [`Phase::after`] returns the phase that follows. It is a
//! pure function: the callers of the table apply it under the lock of the flight's state.
//! `tests/golden/flight_phases.txt` lists all transitions.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A moment in the life of the process. The later of two has the larger number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(super) u64);

static TICKETS: AtomicU64 = AtomicU64::new(1);

impl Ticket {
    pub(crate) fn now() -> Self {
        Ticket(TICKETS.fetch_add(1, Ordering::AcqRel))
    }
}

/// The way in which a flight has ended, for its followers.
#[derive(Clone, Debug)]
pub(crate) enum FlightOutcome {
    /// The value, of the call's type.
    Value(Arc<dyn Any + Send + Sync>),
    /// The load failed; this is the error, of the call's type.
    Error(Arc<dyn Any + Send + Sync>),
    /// The load failed with an error that cannot be shared: each caller loads for itself, a few at once.
    Failed,
    /// The value may be from before an invalidation. A caller that came after the body began opens the next
    /// flight. Without a value every caller does.
    Outdated(Option<Arc<dyn Any + Send + Sync>>),
    /// The leader was dropped.
    Abandoned,
    /// The body panicked.
    Panicked,
}

/// The phase of a flight. `F` is another flight.
#[derive(Clone, Debug)]
pub(super) enum Phase<F> {
    /// A flight that callers join.
    Open(Stretch<F>),
    /// A request to Redis is under way. Callers join while the lease holds.
    Asking,
    /// Callers join the next flight, and the first of them opens it.
    Sealed(Stretch<F>),
    /// The flight has ended.
    Landed { body: Option<Ticket>, outcome: FlightOutcome },
}

/// The history of a flight that is under way.
#[derive(Clone, Debug)]
pub(super) struct Stretch<F> {
    /// The moment at which its body began.
    pub(super) body: Option<Ticket>,
    /// The next flight, of callers that came while this one was sealed.
    pub(super) next: Option<F>,
}

/// Something that happens to a flight.
#[derive(Clone, Debug)]
pub(super) enum FlightEvent<F> {
    /// A request to Redis is sent whose answer is valid for callers that join while the lease holds.
    Ask,
    /// A request is sent whose answer must be younger than every caller that it serves.
    Seal,
    /// The results of earlier reads will not be used.
    Reopen,
    /// The body begins.
    Begin(Ticket),
    /// A caller has opened the next flight.
    Succeed(F),
    /// The outcome is about to be computed.
    Close,
    /// The outcome is available.
    Land(FlightOutcome),
}

/// The further effect of an event.
#[derive(Debug)]
#[must_use = "a landed flight leaves the table, and those who wait for it have to be woken"]
pub(super) enum Effect<F> {
    Nothing,
    /// One more seal separates the callers that have joined from those that join later.
    CountSeal,
    /// The flight leaves the table to the next one, and its followers are woken.
    Retire(Option<F>),
}

impl<F> Phase<F> {
    pub(super) const NEW: Self = Phase::Open(Stretch { body: None, next: None });

    /// Returns the phase that follows, and its effect. An event that has no meaning in a phase
    /// changes nothing.
    pub(super) fn after(self, event: FlightEvent<F>) -> (Self, Effect<F>) {
        use Effect::{CountSeal, Nothing, Retire};
        use Phase::{Asking, Landed, Open, Sealed};
        let nothing_yet = || Stretch { body: None, next: None };
        match (self, event) {
            (Open(Stretch { body: None, next: None }), FlightEvent::Ask) => (Asking, Nothing),
            (Open(behind) | Sealed(behind), FlightEvent::Seal) => (Sealed(behind), CountSeal),
            (Asking, FlightEvent::Seal) => (Sealed(nothing_yet()), CountSeal),
            (Sealed(behind), FlightEvent::Reopen) => (Open(behind), Nothing),
            (Open(Stretch { next, .. }), FlightEvent::Begin(at)) => {
                (Open(Stretch { body: Some(at), next }), Nothing)
            }
            (Sealed(Stretch { next, .. }), FlightEvent::Begin(at)) => {
                (Sealed(Stretch { body: Some(at), next }), Nothing)
            }
            (Sealed(Stretch { body, .. }), FlightEvent::Succeed(next)) => {
                (Sealed(Stretch { body, next: Some(next) }), Nothing)
            }
            (Open(behind), FlightEvent::Close) => (Sealed(behind), Nothing),
            (Asking, FlightEvent::Close) => (Sealed(nothing_yet()), Nothing),
            (
                Open(Stretch { body, next }) | Sealed(Stretch { body, next }),
                FlightEvent::Land(outcome),
            ) => (Landed { body, outcome }, Retire(next)),
            (Asking, FlightEvent::Land(outcome)) => (Landed { body: None, outcome }, Retire(None)),
            (phase, _) => (phase, Nothing),
        }
    }

    /// Checks that a caller may join this flight, or the one after it.
    pub(super) fn is_joinable(&self, lease_holds: impl FnOnce() -> bool) -> bool {
        match self {
            Phase::Open(_) | Phase::Sealed(_) => true,
            Phase::Asking => lease_holds(),
            Phase::Landed { .. } => false,
        }
    }

    pub(super) fn is_sealed(&self) -> bool {
        matches!(self, Phase::Sealed(_))
    }

    pub(super) fn outcome(&self) -> Option<&FlightOutcome> {
        match self {
            Phase::Landed { outcome, .. } => Some(outcome),
            _ => None,
        }
    }

    pub(super) fn next(&self) -> Option<&F> {
        match self {
            Phase::Open(Stretch { next, .. }) | Phase::Sealed(Stretch { next, .. }) => {
                next.as_ref()
            }
            Phase::Asking | Phase::Landed { .. } => None,
        }
    }

    /// Returns the moment at which the body began.
    pub(super) fn body(&self) -> Option<Ticket> {
        match self {
            Phase::Open(Stretch { body, .. })
            | Phase::Sealed(Stretch { body, .. })
            | Phase::Landed { body, .. } => *body,
            Phase::Asking => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::golden;

    /// A name in place of the next flight.
    type Sample = Phase<&'static str>;

    fn phases() -> Vec<Sample> {
        let bodies = [None, Some(Ticket(1))];
        let behind = || {
            let of = |body| [None, Some("next")].map(|next| Stretch { body, next });
            bodies.into_iter().flat_map(of)
        };
        let landed = bodies.map(|body| Phase::Landed { body, outcome: FlightOutcome::Failed });
        let open = behind().map(Phase::Open).chain([Phase::Asking]);
        open.chain(behind().map(Phase::Sealed)).chain(landed).collect()
    }

    fn events() -> [FlightEvent<&'static str>; 7] {
        [
            FlightEvent::Ask,
            FlightEvent::Seal,
            FlightEvent::Reopen,
            FlightEvent::Begin(Ticket(2)),
            FlightEvent::Succeed("newer"),
            FlightEvent::Close,
            FlightEvent::Land(FlightOutcome::Abandoned),
        ]
    }

    fn phase_text(phase: &Sample) -> String {
        let name = match phase {
            Phase::Open(_) => "open",
            Phase::Asking => "asking",
            Phase::Sealed(_) => "sealed",
            Phase::Landed { outcome: FlightOutcome::Failed, .. } => "landed: failed",
            Phase::Landed { .. } => "landed: abandoned",
        };
        let body = phase.body().map(|at| format!(", body at {}", at.0));
        let next = phase.next().map(|next| format!(", {next} flight"));
        format!("{name}{}{}", body.unwrap_or_default(), next.unwrap_or_default())
    }

    fn event_text(event: &FlightEvent<&'static str>) -> String {
        match event {
            FlightEvent::Begin(at) => format!("begin at {}", at.0),
            FlightEvent::Succeed(next) => format!("succeed by {next}"),
            FlightEvent::Land(_) => "land: abandoned".to_owned(),
            event => format!("{event:?}").to_lowercase(),
        }
    }

    #[test]
    fn all_transitions_are_in_the_table() {
        let mut text = format!("{:<30} {:<17} {:<41} effect\n", "phase", "event", "phase after");
        for phase in phases() {
            for event in events() {
                let (before, event_text) = (phase_text(&phase), event_text(&event));
                let (after, effect) = phase.clone().after(event);
                let (after, effect) = match effect {
                    Effect::Nothing if phase_text(&after) == before => {
                        ("-".to_owned(), String::new())
                    }
                    Effect::Nothing => (phase_text(&after), String::new()),
                    Effect::CountSeal => (phase_text(&after), " count a seal".to_owned()),
                    Effect::Retire(None) => (phase_text(&after), " retire".to_owned()),
                    Effect::Retire(Some(next)) => {
                        (phase_text(&after), format!(" retire, leave the table to {next}"))
                    }
                };
                let line = format!("{before:<30} {event_text:<17} {after:<40}{effect}");
                text += line.trim_end();
                text += "\n";
            }
        }
        golden::check_table("flight_phases.txt", &text);
    }

    #[test]
    fn a_flight_that_has_landed_stays_as_it_is() {
        for phase in phases().into_iter().filter(|phase| phase.outcome().is_some()) {
            for event in events() {
                let before = phase_text(&phase);
                let (after, effect) = phase.clone().after(event);
                assert_eq!(phase_text(&after), before);
                assert!(matches!(effect, Effect::Nothing), "{effect:?}");
            }
        }
    }

    #[test]
    fn a_flight_that_is_asking_is_joined_while_the_lease_holds() {
        assert!(Sample::Asking.is_joinable(|| true));
        assert!(!Sample::Asking.is_joinable(|| false));
        assert!(Sample::NEW.is_joinable(|| false));
    }
}
