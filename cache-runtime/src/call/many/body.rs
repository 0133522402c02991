//! The run of the body of a call of many keys.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

use futures_util::StreamExt as _;

use super::calls::{Led, ManyCalls};
use crate::call::load::{Goal, Load, count_panic};
use crate::call::recursion::{self, KeyLoad};
use crate::collector::traced::Traced;
use crate::deferral;
use crate::gates::Admitted;

impl ManyCalls {
    /// Polls the body as a part of these loads. `body` returns true if it is ready.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        body: &mut dyn FnMut(&mut Context<'_>) -> bool,
    ) {
        for (_, load) in &mut self.loads {
            load.begin();
        }
        let polled = match &self.polled {
            Some(polled) => Arc::clone(polled),
            None => {
                // A call that the body makes must not wait for any load that ends after the body.
                let polled: Arc<[KeyLoad]> = self.leading().collect();
                Arc::clone(self.polled.insert(polled))
            }
        };
        let queued = deferral::queued_here();
        let ready = {
            let watch = self.loads.first().and_then(|(_, load)| load.watch());
            let _polled = recursion::enter_many(&polled, watch, self.inherited());
            let span = self.loads.first().map(|(_, load)| load.span.clone());
            let _entered = span.as_ref().map(|span| span.enter());
            let _collecting = self.traced_body().map(|traced| traced.enter_body());
            let is_probe = self.admitted.as_ref().is_some_and(Admitted::is_probe);
            let was_panicking = thread::panicking();
            let _inside = InsideMany { loads: &self.loads, is_probe, was_panicking };
            body(context)
        };
        self.loads.iter_mut().for_each(|(_, load)| load.note_queued(queued));
        if ready {
            return;
        }
        // A load that has waited for another process is renewed, too, until its own body runs.
        let begun = self.led.iter_mut().filter_map(|(_, led)| match led {
            Led::Begun(load) => Some(load),
            Led::Load(_) | Led::Aside => None,
        });
        let loads = self.loads.iter_mut().map(|(_, load)| load).chain(begun);
        loads.for_each(|load| load.renew(context));
        // Values that other processes have loaded are passed on without waiting for the body.
        while let Poll::Ready(Some((key, waited))) = self.waits.poll_next_unpin(context) {
            self.waited(key, waited);
        }
    }

    /// Returns the call whose body this is, for its collector: that of the first key of the body.
    fn traced_body(&mut self) -> Option<&mut Box<Traced>> {
        let loaded = self.loads.first().map(|(key, _)| *key);
        match loaded.or_else(|| self.aside.first().copied()) {
            Some(key) => self.items[key].traced.as_mut(),
            // The body runs for all ids of the call.
            None => self.items.iter_mut().find_map(|item| item.traced.as_mut()),
        }
    }

    /// Returns the loads that this call leads.
    pub(super) fn leading(&self) -> impl Iterator<Item = KeyLoad> {
        let of_load = |load: &Load| (Arc::clone(&load.call.key), Arc::clone(load.leader.flight()));
        let of_led = move |(key, led): &(usize, Led)| match led {
            Led::Begun(load) => Some(of_load(load)),
            Led::Load(loading) => {
                let call = self.items[*key].call.as_ref()?;
                Some((Arc::clone(&call.key), Arc::clone(loading.leader.flight())))
            }
            Led::Aside => None,
        };
        let loads = self.loads.iter().map(move |(_, load)| of_load(load));
        loads.chain(self.led.iter().filter_map(of_led)).chain(self.elsewhere.iter().cloned())
    }
}

/// The state around one poll of the body.
struct InsideMany<'a> {
    loads: &'a [(usize, Box<Load>)],
    /// True if the body is a probe of its source.
    is_probe: bool,
    /// True if the thread was panicking already, so that a destructor makes the call.
    was_panicking: bool,
}

impl Drop for InsideMany<'_> {
    fn drop(&mut self) {
        // A body that panics has failed as well.
        if self.was_panicking || !thread::panicking() {
            return;
        }
        for (_, load) in self.loads {
            load.leader.panicked();
            if let Goal::Place { .. } = load.goal {
                load.call.note_failure(true);
            }
        }
        if let Some((_, first)) = self.loads.first() {
            first.span.record("outcome", "panicked");
            first.span.record("error", true);
            count_panic(&first.call, first.began, self.is_probe);
        }
    }
}
