//! The order of the steps of a call of many keys.

use super::calls::ManyCalls;
use super::refresh::ManyRefresh;

/// The next step of a call of many keys.
pub(super) enum ManyStep {
    /// The body loads these keys.
    Load(Vec<usize>),
    /// One body refreshes stale values in a task, if it can be made.
    Refresh(ManyRefresh),
    /// All keys are answered.
    Return,
}

impl ManyCalls {
    /// Goes on to the next step.
    ///
    /// Cancel safe: waiting callers take over the loads of a dropped call.
    pub(super) async fn step(&mut self) -> ManyStep {
        loop {
            if !self.stale.is_empty() {
                let part = self.stale.len().min(self.max_batch);
                let part = self.stale.drain(..part).collect();
                return ManyStep::Refresh(ManyRefresh::new(part));
            }
            // No more flights are led than one body runs: the callers of the others need not wait for it.
            let looks = !self.next.is_empty() || !self.lone.is_empty();
            if self.led.len() >= self.max_batch || (!looks && !self.led.is_empty()) {
                self.begin().await;
                let keys = self.in_body();
                if !keys.is_empty() {
                    return ManyStep::Load(keys);
                }
            } else if looks {
                self.look().await;
            } else if !self.waits.is_empty() {
                self.wait().await;
            } else {
                return ManyStep::Return;
            }
        }
    }
}
