//! A put: a placeholder over any present state, and the value over that placeholder.

use crate::redis::Keys;
use crate::rules::{Known, Model, Rule};
use crate::state::{At, Begun, Fill, Noted, Notice, Version, World};

impl World {
    pub fn put(&mut self, model: &Model, i: usize, known: Known, keys: Keys) {
        let usable = self.asks_redis(model, model.role(i).place(), Keys::ALL);
        self.actors[i].at = match self.actors[i].at {
            At::Starts => {
                if !usable {
                    self.write(i);
                }
                self.actors[i].noted = Noted::ALL;
                match usable {
                    true => At::Begins(None, Begun::default(), Keys::ALL),
                    false => At::QueuesValue,
                }
            }
            At::Begins(seen, mut begun, left) => {
                self.redis.begin_put(model, i, keys, &mut begun);
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
                if known == Known::Within {
                    self.write(i);
                }
                let fill = Fill::new(begun, self.written[i], model.filled(i));
                if usable { At::Fills(fill) } else { At::QueuesValue }
            }
            At::Fills(mut fill) => {
                self.fill_put(model, i, keys, &mut fill);
                if fill.left != Keys::NONE {
                    At::Fills(fill)
                } else if !fill.refused {
                    self.confirmed |= 1 << i;
                    At::Overtakes(fill.version)
                } else if model.is_off(Rule::OvertakenPutsRemove) {
                    self.confirmed |= 1 << i;
                    self.end_write(model, i)
                } else {
                    At::Removes(model.removed(i))
                }
            }
            At::QueuesValue => self.queue_value(model, i),
            At::Overtakes(version) => self.overtake(model, i, version),
            At::Removes(left) => self.remove(model, i, left, keys),
            at => self.end_removal(model, i, at),
        };
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
        self.processes[place].journal |= 1 << i;
        if model.is_off(Rule::UnconfirmedPutsNoteFirst) {
            self.actors[i].noted = Noted::ALL;
        }
        At::Overtakes(self.written[i])
    }

    /// In memory the value takes the place of what was there, and stops the loads that began before it, if
    /// nothing that it depends on was invalidated. Otherwise nothing is left.
    fn overtake(&mut self, model: &Model, i: usize, version: Version) -> At {
        let current = self.actors[i].noted.has(Noted::ALL) || model.is_off(Rule::PutsNoteFirst);
        let place = model.role(i).place();
        self.bump(model, place, if current { Noted::PUTS } else { Noted::NAME });
        self.processes[place].memory = current.then_some(version);
        self.end_write(model, i)
    }
}
