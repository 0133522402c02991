//! The search for a schedule that violates an invariant.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::sketch::Sketch;
use super::*;

/// Runs all schedules, and returns their number.
pub(super) fn schedules(model: Model) -> u64 {
    // The generations take much memory. One instance serves all schedules, since a schedule depends on no
    // earlier note.
    let generations = &Generations::new(0);
    let mut search = Search { model, generations, schedule: Vec::new(), seen: HashMap::new() };
    search.explore(World::new(model, generations))
}

struct Search<'a> {
    model: Model,
    generations: &'a Generations,
    schedule: Vec<Move>,
    /// The states that have been seen, and the number of schedules that continue from each.
    seen: HashMap<Vec<u8>, u64>,
}

impl<'a> Search<'a> {
    fn explore(&mut self, world: World<'a>) -> u64 {
        let state = Sketch::of(&world);
        if let Some(schedules) = self.seen.get(&state) {
            return *schedules;
        }
        let mut moves = world.moves();
        if moves.is_empty() {
            self.expect(world.check_end());
            return 1;
        }
        moves.extend(world.mishaps());
        let mut schedules = 0;
        let mut world = Some(world);
        for next in moves {
            let mut world = world.take().unwrap_or_else(|| self.replay());
            self.schedule.push(next);
            self.expect(world.perform(next));
            schedules += self.explore(world);
            self.schedule.pop();
        }
        self.seen.insert(state, schedules);
        schedules
    }

    /// Returns the state after the present schedule.
    fn replay(&self) -> World<'a> {
        let mut world = World::new(self.model, self.generations);
        for next in &self.schedule {
            world.perform(*next).unwrap();
        }
        world
    }

    fn expect(&self, result: Result<(), &'static str>) {
        let Err(fault) = result else { return };
        let mut world = World::new(self.model, self.generations);
        let mut schedule = String::new();
        for next in &self.schedule {
            match next {
                Move::Caller(i) => {
                    writeln!(schedule, "caller {i} {}", world.callers[*i].at.name()).unwrap();
                }
                next => writeln!(schedule, "{next:?}").unwrap(),
            }
            let _ = world.perform(*next);
        }
        panic!("{fault}, in {:?}:\n{schedule}", self.model);
    }
}
