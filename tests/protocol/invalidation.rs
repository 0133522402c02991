//! An invalidation: Redis first, in one script with its notice, or in one on each node, then the
//! generations. What Redis does not confirm goes to the journal.

use crate::redis::{Id, Keys, What};
use crate::rules::{Model, Role, Rule};
use crate::state::{Actors, At, Feed, Link, Noted, Notice, World};
use crate::step::Executed;

impl World {
    /// The write is one step with what follows it. Anybody who reads the data in between reads the
    /// new version, which is never wrong.
    pub fn write(&mut self, i: usize) {
        self.data += 1;
        self.written[i] = self.data;
    }

    pub fn invalidate(&mut self, model: &Model, i: usize, keys: Keys) {
        self.actors[i].at = match self.actors[i].at {
            At::Starts => {
                self.write(i);
                if model.is_off(Rule::RedisFirst) {
                    self.bump_what(model, i);
                    At::Removes(model.removed(i))
                } else if model.is_off(Rule::RemovedWhenPublished) {
                    self.publish(model, i, Notice::First(i));
                    At::Removes(model.removed(i))
                } else if model.has_late_puts() {
                    self.mark(model, i);
                    At::Removes(model.removed(i))
                } else {
                    self.remove(model, i, model.removed(i), keys)
                }
            }
            At::Removes(left) => self.remove(model, i, left, keys),
            at => self.end_removal(model, i, at),
        };
    }

    /// Takes the steps that follow when Redis has confirmed the removal or has not.
    pub fn end_removal(&mut self, model: &Model, i: usize, at: At) -> At {
        let place = model.role(i).place();
        match at {
            At::Queues if model.is_off(Rule::PendingFirst) => {
                self.bump_what(model, i);
                At::QueuesLate
            }
            At::Queues | At::QueuesLate => {
                if !model.is_off(Rule::UnconfirmedIsPending) {
                    self.processes[place].journal |= 1 << i;
                }
                if at == At::Queues { At::Bumps } else { self.end_write(model, i) }
            }
            At::Bumps => {
                if !model.is_off(Rule::OwnGenerations) && !model.is_off(Rule::RedisFirst) {
                    self.bump_what(model, i);
                }
                self.end_write(model, i)
            }
            at => unreachable!("no step of a writer: {at:?}"),
        }
    }

    fn bump_what(&mut self, model: &Model, i: usize) {
        let what = match model.what(i) {
            What::Name => Noted::NAME,
            What::Prefix | What::PrefixAndOwn => Noted::PREFIX,
            What::Everything => Noted::EPOCH,
        };
        self.bump(model, model.role(i).place(), what);
    }

    /// It returns to its caller: this process must know of it from here on.
    pub fn end_write(&mut self, model: &Model, i: usize) -> At {
        let process = &mut self.processes[model.role(i).place()];
        process.required = process.required.max(self.written[i]);
        process.known = process.known.max(self.written[i]);
        At::Done
    }

    /// Removal and notice, of these keys of those that are left.
    pub fn remove(&mut self, model: &Model, i: usize, left: Keys, keys: Keys) -> At {
        if self.processes[model.role(i).place()].link != Link::Up {
            return At::Queues;
        }
        self.execute_removal(model, i, keys);
        let left = left.without(keys);
        if left != Keys::NONE && !model.is_off(Rule::AllAreConfirmed) {
            return At::Removes(left);
        }
        self.confirmed |= 1 << i;
        At::Bumps
    }

    /// One script. (No process needs a notice of the name that is the prefix itself, or of the counter.)
    fn execute_removal(&mut self, model: &Model, i: usize, keys: Keys) {
        self.redis.remove(model, i, keys);
        let tells = match model.is_off(Rule::NoticeFromItsNode) {
            true => keys.has(Keys::NOTICE),
            false => {
                keys.without(Keys::OWN.and(Keys::COUNTER)) != Keys::NONE
                    && !model.is_off(Rule::RemovedWhenPublished)
            }
        };
        if tells {
            self.publish(model, i, Notice::First(i));
        }
    }

    /// To all processes but the writer's. It counts as missed until it is received, or until nothing
    /// is trusted that depends on it.
    pub fn publish(&mut self, model: &Model, i: usize, notice: Notice) {
        let received = model.subscribes_to(model.source_of(notice));
        for (place, process) in self.processes.iter_mut().enumerate() {
            if place == model.role(i).place() {
                continue;
            }
            if process.feed.receives(model) && received {
                process.inbox.add(notice);
            }
            if process.lease {
                process.behind |= 1 << i;
            }
        }
    }

    /// Sends the pending removals, and publishes them.
    pub fn send_pending(&mut self, model: &Model, place: usize, pending: Actors) {
        self.processes[place].journal &= !pending;
        for i in model.actors().filter(|i| pending & (1 << i) != 0) {
            self.redis.remove(model, Id::later(i), model.removed(i));
            if !model.is_off(Rule::ReplaysPublish) {
                self.publish(model, i, Notice::Again(i));
            }
        }
        self.confirmed |= pending;
    }

    /// Returns whether the next step of an actor is a write in Redis whose answer may be lost.
    pub fn asks_to_write(&self, model: &Model, i: usize) -> bool {
        let asks = match model.role(i) {
            Role::Invalidate(..) => match self.actors[i].at {
                At::Starts => !model.has_late_puts(),
                at => matches!(at, At::Removes(_)),
            },
            Role::Put(..) => matches!(self.actors[i].at, At::Fills(_)),
            _ => false,
        };
        asks && self.processes[model.role(i).place()].link == Link::Up
    }

    pub fn silence(&mut self, model: &Model, i: usize, keys: Keys, executed: Executed) {
        self.left.silences -= 1;
        let at = self.actors[i].at;
        if at == At::Starts {
            self.write(i);
        }
        if executed == Executed::Yes {
            match at {
                At::Fills(mut fill) => self.fill_put(model, i, keys, &mut fill),
                _ => self.execute_removal(model, i, keys),
            }
        }
        self.actors[i].at = if model.is_put(i) { At::QueuesValue } else { At::Queues };
    }
}

impl Feed {
    /// Returns whether notices arrive.
    pub fn receives(self, model: &Model) -> bool {
        match self {
            Feed::Disconnected => false,
            Feed::Subscribed => !model.is_off(Rule::EpochAfterSubscription),
            Feed::Connected => true,
        }
    }
}
