//! The collector of the calls on this thread.

use std::cell::RefCell;
use std::sync::Arc;

use super::call::{EndedCall, ObservedCall};
use super::recording::Recording;
use crate::support::innermost::{Entered, innermost};

thread_local! {
    static CURRENT: RefCell<Option<Collector>> = const { RefCell::new(None) };
}

/// The receivers of the calls that a future makes, from the innermost outwards.
#[derive(Clone)]
pub(crate) struct Collector(Arc<Frame>);

struct Frame {
    receiver: Receiver,
    outer: Option<Collector>,
}

/// One of the things that surround a call.
pub(crate) enum Receiver {
    /// An observed future: it records the call.
    Recording(Arc<Recording>),
    /// The body of the call with this number.
    Body(u64),
}

impl Collector {
    /// Returns a collector inside of another one.
    pub(crate) fn new(receiver: Receiver, outer: Option<Collector>) -> Self {
        Collector(Arc::new(Frame { receiver, outer }))
    }

    /// Passes a call that has ended to all receivers.
    pub(super) fn receive(&self, call: &EndedCall) {
        let (mut depth, mut inside) = (0, None);
        let mut next = Some(self);
        while let Some(Collector(frame)) = next {
            match &frame.receiver {
                Receiver::Body(number) => {
                    depth += 1;
                    inside = inside.or(Some(*number));
                }
                Receiver::Recording(recording) => {
                    recording.add(|| ObservedCall::new(call.clone(), depth, inside));
                }
            }
            next = frame.outer.as_ref();
        }
    }
}

/// Returns the collector of the calls on this thread, if there is one.
pub(crate) fn current() -> Option<Collector> {
    innermost(&CURRENT)
}

/// Makes this the collector of the calls on this thread, until the result is dropped. The caller holds a
/// [`Surrounded`](crate::support::ambient::Surrounded) meanwhile.
pub(crate) fn enter(collector: Collector) -> Collecting {
    Entered::new(&CURRENT, collector)
}

/// Restores the outer collector when a poll ends, by return or by panic.
pub(crate) type Collecting = Entered<Collector>;
