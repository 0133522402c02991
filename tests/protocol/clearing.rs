//! A `clear`: values and placeholders that match a pattern, and those that may be stored meanwhile.
//!
//! It cannot know which outer entries depend on a matching name. So all of them have a tag, which it removes.

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
                let was_there = self.has_copies(place);
                if model.has_late_puts() && !model.is_off(Rule::ClearsAnnounceFirst) {
                    return self.actors[i].at = At::Warns(was_there);
                }
                match model.inherits() && model.is_off(Rule::ClearedGoesLast) {
                    true => At::RemovesCleared(was_there),
                    false => At::Scans(was_there, model.scanned()),
                }
            }
            At::Warns(was_there) => {
                self.publish(model, i, Notice::Clears(i));
                At::Scans(was_there, model.scanned())
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
                match model.inherits() && !model.is_off(Rule::ClearedGoesLast) {
                    true => At::RemovesCleared(was_there),
                    false => self.end_clearing_of_redis(model, i, was_there),
                }
            }
            At::RemovesCleared(was_there) => {
                self.redis.remove(model, i, Keys::CLEARED);
                self.publish(model, i, Notice::Cleared(i));
                match model.is_off(Rule::ClearedGoesLast) {
                    true => At::Scans(was_there, model.scanned()),
                    false => self.end_clearing_of_redis(model, i, was_there),
                }
            }
            At::ScansMemory(was_there) => {
                let looks = !model.is_off(Rule::ClearLooksAfterwards);
                let stops = !model.is_off(Rule::ClearStopsLoadsAfterwards);
                self.scan_memory(model, place, stops, looks || was_there);
                match model.inherits() && !model.is_off(Rule::ClearedRaisedLast) {
                    true => At::BumpsCleared(was_there),
                    false => self.end_write(model, i),
                }
            }
            At::BumpsCleared(was_there) => {
                self.bump(model, place, Noted::CLEARED);
                match model.is_off(Rule::ClearedRaisedLast) {
                    true => At::ScansMemory(was_there),
                    false => self.end_write(model, i),
                }
            }
            at => unreachable!("no step of a clearing: {at:?}"),
        };
    }

    fn end_clearing_of_redis(&mut self, model: &Model, i: usize, was_there: bool) -> At {
        self.confirmed |= 1 << i;
        match model.inherits() && model.is_off(Rule::ClearedRaisedLast) {
            true => At::BumpsCleared(was_there),
            false => At::ScansMemory(was_there),
        }
    }

    fn has_copies(&self, place: Place) -> bool {
        let process = &self.processes[place];
        process.memory.is_some() || process.other.is_some()
    }

    /// A pattern has been cleared: loads under way may not store, and copies that are found go. The name of an outer
    /// entry does not match.
    pub fn scan_memory(&mut self, model: &Model, place: usize, stops: bool, looks: bool) {
        if stops {
            self.bump(model, place, Noted::SWEEPS);
        }
        if looks && self.has_copies(place) {
            self.bump(model, place, Noted::NAME);
        }
    }
}
