//! Observing a future or a function.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use super::current::{self, Collecting, Collector, Receiver};
use super::observation::Observation;
use super::recording::Recording;
use crate::support::ambient::Surrounded;

#[doc = include_str!("../../docs/observe.md")]
pub async fn observe<F: Future>(future: F) -> (F::Output, Observation) {
    let _open = Surrounded::new();
    let recording = Arc::new(Recording::default());
    let mut future = pin!(future);
    let output = poll_fn(|context| {
        let _collecting = enter(&recording);
        future.as_mut().poll(context)
    })
    .await;
    (output, recording.take())
}

/// Does the same as [`observe`] for code that is not async: runs a function, and returns its output and the calls of
/// cached functions that it has made on this thread.
///
/// ```
/// use cache_runtime::{CacheManager, Source, cached, observe_blocking, with_blocking};
///
/// #[cached(ttl = "1m")]
/// fn double(x: u64) -> u64 {
///     x * 2
/// }
///
/// # fn main() -> Result<(), cache_runtime::Error> {
/// # let manager = CacheManager::builder().build()?;
/// # with_blocking(&manager, || {
/// let (sum, seen) = observe_blocking(|| double(1) + double(1));
/// assert_eq!(sum, 4);
/// assert_eq!(seen.of("double").count(Source::Load), 1);
/// assert_eq!(seen.of("double").count(Source::Memory), 1);
/// # });
/// # Ok(())
/// # }
/// ```
pub fn observe_blocking<T>(run: impl FnOnce() -> T) -> (T, Observation) {
    let _open = Surrounded::new();
    let recording = Arc::new(Recording::default());
    let output = {
        let _collecting = enter(&recording);
        run()
    };
    (output, recording.take())
}

/// Begins to record, inside of the present collector.
fn enter(recording: &Arc<Recording>) -> Collecting {
    let receiver = Receiver::Recording(Arc::clone(recording));
    current::enter(Collector::new(receiver, current::current()))
}
