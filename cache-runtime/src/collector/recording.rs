//! The calls that an observed future has made so far.

use super::call::ObservedCall;
use super::observation::Observation;
use crate::support::lock::Mutex;

/// The maximum number of calls that are recorded (R7).
const MOST_CALLS: usize = 10_000;

/// The calls of an observed future.
#[derive(Debug, Default)]
pub(crate) struct Recording(Mutex<Recorded>);

#[derive(Debug, Default)]
struct Recorded {
    calls: Vec<ObservedCall>,
    omitted: u64,
}

impl Recording {
    /// Adds a call; beyond the maximum, it is only counted.
    pub(super) fn add(&self, call: impl FnOnce() -> ObservedCall) {
        let mut recorded = self.0.lock();
        if recorded.calls.len() < MOST_CALLS {
            recorded.calls.push(call());
        } else {
            recorded.omitted += 1;
        }
    }

    /// Returns the calls so far, and removes them.
    pub(super) fn take(&self) -> Observation {
        let Recorded { calls, omitted } = std::mem::take(&mut *self.0.lock());
        Observation::new(calls, omitted)
    }
}
