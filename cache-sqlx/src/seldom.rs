//! Log lines of events that may repeat quickly: the first, and then one a minute with a count.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The time for which a message is suppressed after it was logged.
const PAUSE: Duration = Duration::from_secs(60);

/// The events since the last message.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    unsaid: u64,
    last: Option<Instant>,
}

impl Seldom {
    /// Notes an event. `say` gets the number of events since the last message, including this one.
    pub(crate) fn happens(&self, say: impl FnOnce(u64)) {
        let times = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.unsaid += 1;
            if state.last.is_some_and(|last| last.elapsed() < PAUSE) {
                return;
            }
            state.last = Some(Instant::now());
            std::mem::take(&mut state.unsaid)
        };
        say(times);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_said_the_first_time_and_then_once_a_minute_with_a_count() {
        let (seldom, mut said) = (Seldom::default(), Vec::new());
        for second in 0..121 {
            seldom.happens(|times| said.push((second, times)));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(said, [(0, 1), (60, 60), (120, 60)]);
    }
}
