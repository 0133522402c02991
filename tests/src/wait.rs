use std::{
    thread,
    time::{Duration, Instant},
};

/// The time that servers may take to agree: a cluster to form, a replica to be promoted.
const LIMIT: Duration = Duration::from_secs(60);

/// Asks again and again until the answer is there: an `Err` says what is still missing.
///
/// # Panics
///
/// If the answer does not come in time; the message names what was missing last.
pub(crate) fn wait_for<T>(mut ask: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(missing) => assert!(Instant::now() < deadline, "after {LIMIT:?}: {missing}"),
        }
        thread::sleep(Duration::from_millis(50));
    }
}
