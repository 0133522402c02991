//! An invalidation: Redis first, in one script with its notice, then the generations. What Redis
//! does not confirm goes to the journal.

use crate::redis::What;
use crate::rules::{Model, Role, Rule};
use crate::state::{At, Feed, Link, Noted, Notice, World};
use crate::step::Executed;

impl World {
    /// The write is one step with what follows it. Anybody who reads the data in between reads the
    /// new version, which is never wrong.
    pub fn write(&mut self, i: usize) {
        self.data += 1;
        self.written[i] = self.data;
    }

    pub fn invalidate(&mut self, model: &Model, i: usize) {
        self.actors[i].at = match self.actors[i].at {
            At::Starts => {
                self.write(i);
                if model.is_off(Rule::RedisFirst) {
                    self.bump_what(model, i);
                    At::Removes
                } else if model.is_off(Rule::RemovedWhenPublished) {
                    self.publish(model, i, Notice::First(i));
                    At::Removes
                } else {
                    self.remove(model, i)
                }
            }
            At::Removes => self.remove(model, i),
            at => self.end_removal(model, i, at),
        };
    }

    /// What follows when Redis has confirmed the removal, or has not.
    pub fn end_removal(&mut self, model: &Model, i: usize, at: At) -> At {
        let place = model.role(i).place();
        match at {
            At::Owes if model.is_off(Rule::OwedFirst) => {
                self.bump_what(model, i);
                At::OwesLate
            }
            At::Owes | At::OwesLate => {
                if !model.is_off(Rule::UnconfirmedIsOwed) {
                    self.processes[place].journal |= 1 << i;
                }
                if at == At::Owes { At::Bumps } else { self.end_write(model, i) }
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
            What::Prefix => Noted::PREFIX,
        };
        self.bump(model, model.role(i).place(), what);
    }

    /// It returns to its caller: this process must know of it from here on.
    pub fn end_write(&mut self, model: &Model, i: usize) -> At {
        let process = &mut self.processes[model.role(i).place()];
        process.required = process.required.max(self.written[i]);
        At::Done
    }

    /// One script: removal and notice.
    pub fn remove(&mut self, model: &Model, i: usize) -> At {
        if self.processes[model.role(i).place()].link != Link::Up {
            return At::Owes;
        }
        self.execute_removal(model, i);
        self.confirmed |= 1 << i;
        At::Bumps
    }

    fn execute_removal(&mut self, model: &Model, i: usize) {
        self.redis.remove(model, i, model.what(i));
        if !model.is_off(Rule::RemovedWhenPublished) {
            self.publish(model, i, Notice::First(i));
        }
    }

    /// To all processes but the writer's. It counts as missed until it is heard, or until nothing
    /// is trusted that depends on it.
    pub fn publish(&mut self, model: &Model, i: usize, notice: Notice) {
        for (place, process) in self.processes.iter_mut().enumerate() {
            if place == model.role(i).place() {
                continue;
            }
            if process.feed.receives(model) {
                process.inbox.add(notice);
            }
            if process.lease {
                process.behind |= 1 << i;
            }
        }
    }

    /// What is owed is removed and published, all at once.
    pub fn pay(&mut self, model: &Model, place: usize) {
        let owed = std::mem::take(&mut self.processes[place].journal);
        for i in model.actors().filter(|i| owed & (1 << i) != 0) {
            self.redis.remove(model, i, model.what(i));
            if !model.is_off(Rule::ReplaysPublish) {
                self.publish(model, i, Notice::Again(i));
            }
        }
        self.confirmed |= owed;
    }

    /// Whether an actor is about to ask Redis for a write whose answer may get lost.
    pub fn asks_to_write(&self, model: &Model, i: usize) -> bool {
        let asks = match model.role(i) {
            Role::Invalidate(..) => matches!(self.actors[i].at, At::Starts | At::Removes),
            Role::Put(..) => matches!(self.actors[i].at, At::Fills(..)),
            Role::Call(_) | Role::Clear(_) => false,
        };
        asks && self.processes[model.role(i).place()].link == Link::Up
    }

    pub fn silence(&mut self, model: &Model, i: usize, executed: Executed) {
        self.left.silences -= 1;
        let at = self.actors[i].at;
        if at == At::Starts {
            self.write(i);
        }
        if executed == Executed::Yes {
            match at {
                At::Fills(begun, version) => _ = self.fill_put(model, i, begun, version),
                _ => self.execute_removal(model, i),
            }
        }
        self.actors[i].at = if model.is_put(i) { At::OwesValue } else { At::Owes };
    }
}

impl Feed {
    /// Whether notices arrive.
    pub fn receives(self, model: &Model) -> bool {
        match self {
            Feed::Deaf => false,
            Feed::Subscribed => !model.is_off(Rule::EpochAfterSubscription),
            Feed::Hears => true,
        }
    }
}
