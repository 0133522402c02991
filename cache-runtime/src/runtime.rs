//! What the tokio runtime around a call can do.
//!
//! A runtime may have been built without timers, and asking such a one for a timer panics. So a
//! runtime is asked once, and its answer is remembered.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Handle, Id};

/// So many runtimes are remembered.
const REMEMBERED: usize = 32;

static ASKED: Mutex<Vec<(Id, bool)>> = Mutex::new(Vec::new());

/// The runtime that this is called on, if there is one and it has timers.
pub(crate) fn with_timers() -> Option<Handle> {
    let handle = Handle::try_current().ok()?;
    has_timers(handle.id()).then_some(handle)
}

fn has_timers(id: Id) -> bool {
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, answer)) = asked.iter().find(|(known, _)| *known == id) {
        return *answer;
    }
    let answer =
        catch_unwind(AssertUnwindSafe(|| drop(tokio::time::sleep(Duration::ZERO)))).is_ok();
    if asked.len() == REMEMBERED {
        asked.remove(0);
    }
    asked.push((id, answer));
    answer
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test reports by panicking")]
    use super::*;

    #[test]
    fn a_runtime_without_timers_is_told_apart() {
        let build = |timers: bool| {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            if timers {
                builder.enable_time();
            }
            builder.build().unwrap()
        };
        assert!(build(true).block_on(async { with_timers().is_some() }));
        assert!(build(false).block_on(async { with_timers().is_none() }));
        assert!(with_timers().is_none());
    }
}
