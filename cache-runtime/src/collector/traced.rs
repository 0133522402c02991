//! A call from its first step to its end, for the collector that it began in.

use std::sync::atomic::{AtomicU64, Ordering};

use super::bypass::BypassReason;
use super::call::{EndedCall, Subject};
use super::current::{self, Collecting, Collector, Receiver};
use crate::memory::Hit;
use crate::tiers::origin::{Origin, Source};

/// A call that a collector will receive.
///
/// If it is dropped before its end, because the call is dropped or panics, the collector does not receive it.
pub(crate) struct Traced {
    collector: Collector,
    number: u64,
    subject: Subject,
    bypass: Option<BypassReason>,
    /// The collector of the calls that the body makes.
    inside: Option<Collector>,
}

impl Traced {
    /// Returns the call that begins now, if there is a collector.
    pub(crate) fn begin(subject: impl FnOnce() -> Subject) -> Option<Box<Self>> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let collector = current::current()?;
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let (bypass, inside) = (None, None);
        Some(Box::new(Traced { collector, number, subject: subject(), bypass, inside }))
    }

    /// Does the same for a call that bypasses the cache.
    pub(crate) fn bypassing(
        subject: impl FnOnce() -> Subject,
        reason: BypassReason,
    ) -> Option<Box<Self>> {
        let mut traced = Traced::begin(subject)?;
        traced.bypasses(reason);
        Some(traced)
    }

    /// Ends a call that memory has answered at once.
    pub(crate) fn hit<V>(subject: impl FnOnce() -> Subject, hit: &Hit<V>) {
        Traced::found(subject, || Some(Origin::of_hit(Source::Memory, hit)));
    }

    /// Ends a call that has looked for a value, if it has found one.
    pub(crate) fn found(
        subject: impl FnOnce() -> Subject,
        origin: impl FnOnce() -> Option<Origin>,
    ) {
        if let Some(traced) = Traced::begin(subject)
            && let Some(origin) = origin()
        {
            traced.end(origin, false);
        }
    }

    /// Notes that the call bypasses the cache. The first reason counts.
    pub(crate) fn bypasses(&mut self, reason: BypassReason) {
        self.bypass.get_or_insert(reason);
    }

    /// Makes the calls of this thread those of the body, until the result is dropped.
    pub(crate) fn enter_body(&mut self) -> Collecting {
        let Traced { collector, number, inside, .. } = self;
        let inside = inside.get_or_insert_with(|| {
            Collector::new(Receiver::Body(*number), Some(collector.clone()))
        });
        current::enter(inside.clone())
    }

    /// Ends the call with an output of this origin. `is_error` is true if the output is an error.
    pub(crate) fn end(self, origin: Origin, is_error: bool) {
        let Traced { collector, number, subject, bypass, .. } = self;
        let source = if bypass.is_some() { Source::Bypass } else { origin.source };
        let origin = Origin { source, ..origin };
        collector.receive(&EndedCall { number, subject, origin, bypass, is_error });
    }
}
