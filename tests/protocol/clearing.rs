//! A clearing: values and marks that match a pattern, and what may be on its way.

use crate::rules::{Model, Rule};
use crate::state::{At, Noted, Notice, World};

impl World {
    pub fn clear(&mut self, model: &Model, i: usize) {
        let place = model.role(i).place();
        self.actors[i].at = match self.actors[i].at {
            At::Starts => {
                self.write(i);
                self.bump(model, place, Noted::SWEEPS);
                At::Scans(self.processes[place].memory.is_some())
            }
            At::Scans(was_there) => {
                self.redis.sweep(model);
                At::Announces(was_there)
            }
            At::Announces(was_there) => {
                self.publish(model, i, Notice::First(i));
                self.confirmed |= 1 << i;
                At::Sweeps(was_there)
            }
            At::Sweeps(was_there) => {
                let looks = !model.is_off(Rule::ClearLooksAfterwards);
                let stops = !model.is_off(Rule::ClearStopsLoadsAfterwards);
                self.sweep_memory(model, place, stops, looks || was_there);
                self.end_write(model, i)
            }
            at => unreachable!("no step of a clearing: {at:?}"),
        };
    }

    /// A pattern has been cleared: loads under way may not store, and copies that are found go.
    pub fn sweep_memory(&mut self, model: &Model, place: usize, stops: bool, looks: bool) {
        if stops {
            self.bump(model, place, Noted::SWEEPS);
        }
        if looks && self.processes[place].memory.is_some() {
            self.bump(model, place, Noted::NAME);
        }
    }
}
