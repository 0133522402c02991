//! A put: a placeholder over any present state, and the value over that placeholder.

use crate::redis::Keys;
use crate::rules::{Known, Model, Rule};
use crate::state::{At, Begun, Fill, Noted, Notice, Version, World};

impl World {
    pub fn put(&mut self, model: &Model, i: usize, known: Known, keys: Keys) {
        // A derived tag is known after the body.
        let needed = match self.actors[i].at {
            At::Starts => model.known(i),
            _ => Keys::ALL,
        };
        let begun = Begun::at(Keys::NAME);
        let usable = self.asks_redis(model, model.role(i).place(), needed);
        self.actors[i].at = match self.actors[i].at {
            At::Starts => {
                if !usable {
                    self.write(i);
                }
                self.actors[i].noted = model.noted_by_put(i);
                match usable {
                    true => At::Begins(None, begun, model.begun(i, begun)),
                    false => At::QueuesValue,
                }
            }
            At::Begins(seen, mut begun, left) => {
                self.redis.begin_put(model, i, known, keys, &mut begun);
                match left.without(keys) {
                    Keys::NONE => {
                        // A value given directly counts as the newest there is when its put has begun.
                        if known == Known::Before {
                            self.write(i);
                        }
                        At::Writes(begun)
                    }
                    left => At::Begins(seen, begun, left),
                }
            }
            At::Writes(begun) => {
                if known != Known::Before {
                    self.write(i);
                }
                if model.is_late(i) {
                    return self.begin_late(model, i, begun);
                }
                self.mark(model, i);
                match usable {
                    true => model.after_body(i, begun, self.written[i]),
                    false => At::QueuesValue,
                }
            }
            At::Places(_) | At::Awaits(_) => self.prove(model, i, usable),
            At::NotesCounter(..) | At::NotesTag(_) | At::ReadsCounter(_) | At::Stamps(_) => {
                self.derive(model, i, keys)
            }
            At::Fills(mut fill) => {
                self.fill_put(model, i, keys, &mut fill);
                if fill.left != Keys::NONE {
                    At::Fills(fill)
                } else if !fill.refused {
                    self.confirmed |= 1 << i;
                    model.first_in_memory(fill.version)
                } else {
                    self.give_up_put(model, i)
                }
            }
            At::QueuesValue => self.queue_value(model, i),
            At::Overtakes(version) => self.overtake(model, i, version),
            At::Replaces(version) => self.replace(model, i, version),
            At::Removes(left) => self.remove(model, i, left, keys),
            at => self.end_removal(model, i, at),
        };
    }

    /// Its value may not be stored, and what is there may be older.
    pub fn give_up_put(&mut self, model: &Model, i: usize) -> At {
        if model.is_off(Rule::OvertakenPutsRemove) {
            self.confirmed |= 1 << i;
            return self.end_write(model, i);
        }
        self.mark(model, i);
        At::Removes(model.removed(i))
    }

    /// One script: the value and the notice.
    pub fn fill_put(&mut self, model: &Model, i: usize, keys: Keys, fill: &mut Fill) {
        let takes = keys.has(Keys::NAME_TOKEN);
        if takes {
            self.redis.remove(model, i, Keys::NAME_TOKEN);
        }
        let stores = self.redis.fill(model, i, keys, fill);
        if (stores || takes) && !model.is_off(Rule::PutsPublish) {
            self.publish(model, i, Notice::First(i));
        }
    }

    /// Makes the removal of a value pending that Redis has, or may have. Memory is not affected.
    fn queue_value(&mut self, model: &Model, i: usize) -> At {
        let place = model.role(i).place();
        self.mark(model, i);
        self.processes[place].journal |= 1 << i;
        if model.is_off(Rule::UnconfirmedPutsNoteFirst) {
            self.actors[i].noted = Noted::ALL;
        }
        model.first_in_memory(self.written[i])
    }

    /// In memory the value takes the place of what was there under its name, and stops the loads that began before it, if
    /// nothing that it depends on was invalidated. Otherwise nothing is left.
    fn overtake(&mut self, model: &Model, i: usize, version: Version) -> At {
        let noted = model.noted_by_put(i);
        let current = self.actors[i].noted.has(noted) || model.is_off(Rule::PutsNoteFirst);
        let place = model.role(i).place();
        self.bump(model, place, if current { Noted::PUTS } else { Noted::NAME });
        self.processes[place].memory = current.then_some(version);
        self.processes[place].other = None;
        if current && model.has_dependents() && !model.is_off(Rule::ReplacedFirst) {
            return At::Replaces(version);
        }
        self.end_write(model, i)
    }

    /// The value has taken the place of another one: what depends on the name is stale.
    fn replace(&mut self, model: &Model, i: usize, version: Version) -> At {
        self.bump(model, model.role(i).place(), Noted::DEPENDENTS);
        match model.is_off(Rule::ReplacedFirst) {
            true => At::Overtakes(version),
            false => self.end_write(model, i),
        }
    }
}

impl Model {
    /// Returns whether a put raises the generation of what depends on its name.
    fn has_dependents(&self) -> bool {
        self.inherits() && !self.is_off(Rule::PutsRaiseDependents)
    }

    /// Returns the next step of a put that Redis has confirmed, or has not.
    fn first_in_memory(&self, version: Version) -> At {
        match self.has_dependents() && self.is_off(Rule::ReplacedFirst) {
            true => At::Replaces(version),
            false => At::Overtakes(version),
        }
    }
}
