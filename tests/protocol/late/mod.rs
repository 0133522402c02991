//! A late put: the value of its body names the entry, so nothing of that name is noted before the body.
//!
//! After the body it sets a placeholder over any present state. It is stored over that placeholder if nothing was
//! removed or put under the name since its body began. Its process knows this when the notices have been received that were published
//! before: the feed answers a ping in order. Writers of its own process, whose notices it skips, mark the name before they
//! change Redis. A `clear` publishes its pattern before its scan.

mod programs;

use crate::redis::Keys;
use crate::rules::{Known, Model, Role, Rule};
use crate::state::{At, Begun, Feed, Noted, World};

impl World {
    /// The body has ended, and its value names the entry.
    pub fn begin_late(&mut self, model: &Model, i: usize, begun: Begun) {
        self.actors[i].at = match model.is_off(Rule::LatePlaceholdersFirst) {
            true => At::Awaits(begun),
            false => At::Places(begun),
        };
    }

    /// Takes the steps which show that the name is as it was before the body.
    pub fn prove(&mut self, model: &Model, i: usize, usable: bool) -> At {
        if !usable {
            return At::QueuesValue;
        }
        let swaps = model.is_off(Rule::LatePlaceholdersFirst);
        match self.actors[i].at {
            At::Places(mut begun) => {
                if model.is_off(Rule::LatePutsNoteFirst) {
                    self.actors[i].noted = model.noted_by_put(i);
                }
                self.redis.place(i, model.placed(), &mut begun);
                match swaps {
                    true => self.derive_late(model, i, begun),
                    false => At::Awaits(begun),
                }
            }
            At::Awaits(begun) => match self.is_unchanged(model, i) {
                false => self.give_up_put(model, i),
                true if swaps => At::Places(begun),
                true => self.derive_late(model, i, begun),
            },
            at => unreachable!("nothing is proved: {at:?}"),
        }
    }

    fn derive_late(&mut self, model: &Model, i: usize, begun: Begun) -> At {
        self.mark(model, i);
        model.after_body(i, begun, self.written[i])
    }

    /// Returns whether no notice and no writer of the process has changed the name since the body began.
    fn is_unchanged(&self, model: &Model, i: usize) -> bool {
        let noted = self.actors[i].noted;
        let is_same = |rule, some| noted.has(some) || model.is_off(rule);
        let connected = self.processes[model.role(i).place()].feed == Feed::Connected;
        connected
            && noted.has(Noted::MARK)
            && noted.has(Noted::SWEEPS)
            && is_same(Rule::LatePutsCompareEpochs, Noted::EPOCH)
    }

    /// Returns whether an actor's next step has to wait for notices. Without a feed there is nothing to wait for.
    pub fn waits_for_notices(&self, model: &Model, i: usize) -> bool {
        let process = &self.processes[model.role(i).place()];
        matches!(self.actors[i].at, At::Awaits(_))
            && process.feed == Feed::Connected
            && !process.has_answer(model)
            && !model.is_off(Rule::LatePutsAwaitNotices)
    }

    /// A writer is about to change its name in Redis.
    pub fn mark(&mut self, model: &Model, i: usize) {
        let place = model.role(i).place();
        if !model.has_late_puts() || model.is_off(Rule::WritersMarkFirst) {
            return;
        }
        if model.what(i).keys().has(Keys::NAME) {
            self.bump(model, place, Noted::MARK);
        }
    }
}

impl Model {
    /// Returns whether this actor learns its name from its value.
    pub fn is_late(&self, actor: usize) -> bool {
        matches!(self.role(actor), Role::Put(_, Known::Late))
    }

    pub fn has_late_puts(&self) -> bool {
        self.actors().any(|actor| self.is_late(actor))
    }

    /// Returns what a put notes in its process.
    pub fn noted_by_put(&self, actor: usize) -> Noted {
        if self.is_late(actor) { Noted::LATE } else { Noted::ALL }
    }

    /// Returns the keys that a late put notes before its body.
    pub fn begun_late(&self) -> Keys {
        match self.is_off(Rule::LateRootNotedFirst) {
            true => Keys::COUNTER,
            false => Keys::ROOT.and(Keys::COUNTER),
        }
    }

    /// Returns the keys that it begins with after its body.
    fn placed(&self) -> Keys {
        match self.is_off(Rule::LateRootNotedFirst) {
            true => Keys::NAME.and(Keys::ROOT),
            false => Keys::NAME,
        }
    }
}
