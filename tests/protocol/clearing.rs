//! A `clear`: values and placeholders that match a pattern, and those that may be stored meanwhile.

use crate::redis::Keys;
use crate::rules::{Model, Place, Rule};
use crate::state::{At, Noted, Notice, World};

impl World {
    pub fn clear(&mut self, model: &Model, i: usize, keys: Keys) {
        let place = model.role(i).place();
        self.actors[i].at = match self.actors[i].at {
            At::Starts => {
                self.write(i);
                self.bump(model, place, Noted::SWEEPS);
                At::Scans(self.has_copies(place), model.scanned())
            }
            At::Scans(was_there, left) => {
                self.redis.scan(model, keys);
                match left.without(keys) {
                    Keys::NONE => At::Announces(was_there),
                    left => At::Scans(was_there, left),
                }
            }
            At::Announces(was_there) => {
                self.publish(model, i, Notice::First(i));
                self.confirmed |= 1 << i;
                At::ScansMemory(was_there)
            }
            At::ScansMemory(was_there) => {
                let looks = !model.is_off(Rule::ClearLooksAfterwards);
                let stops = !model.is_off(Rule::ClearStopsLoadsAfterwards);
                self.scan_memory(model, place, stops, looks || was_there);
                self.end_write(model, i)
            }
            at => unreachable!("no step of a clearing: {at:?}"),
        };
    }

    fn has_copies(&self, place: Place) -> bool {
        let process = &self.processes[place];
        process.memory.is_some() || process.other.is_some()
    }

    /// A pattern has been cleared: loads under way may not store, and copies that are found go.
    pub fn scan_memory(&mut self, model: &Model, place: usize, stops: bool, looks: bool) {
        if stops {
            self.bump(model, place, Noted::SWEEPS);
        }
        if looks && self.has_copies(place) {
            self.bump(model, place, Noted::NAME);
        }
    }
}
