//! The search for a schedule that violates an invariant.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::sketch::Sketch;
use super::*;

/// Runs all schedules, and returns their number.
pub(super) fn schedules(model: Model) -> u64 {
    search(model).unwrap_or_else(|(fault, schedule)| panic!("{fault}, in {model:?}:\n{schedule}"))
}

/// Returns the fault of the first schedule that violates an invariant.
pub(super) fn fault(model: Model) -> Option<&'static str> {
    search(model).err().map(|(fault, _)| fault)
}

/// Returns the number of schedules, or a fault and its schedule.
fn search(model: Model) -> Result<u64, (&'static str, String)> {
    // The generations take much memory. One instance serves all schedules, since a schedule depends on no
    // earlier note.
    let generations = &Generations::new(0);
    let mut search = Search { model, generations, schedule: Vec::new(), seen: HashMap::new() };
    let found = search.explore(World::new(model, generations));
    found.map_err(|fault| (fault, search.text()))
}

struct Search<'a> {
    model: Model,
    generations: &'a Generations,
    /// The present schedule; after a fault the one that leads to it.
    schedule: Vec<Move>,
    /// The states that have been seen, and the number of schedules that continue from each. It is not known
    /// while these are run.
    seen: HashMap<Vec<u8>, Option<u64>>,
}

impl<'a> Search<'a> {
    fn explore(&mut self, world: World<'a>) -> Result<u64, &'static str> {
        let state = Sketch::of(&world);
        match self.seen.get(&state) {
            Some(Some(schedules)) => return Ok(*schedules),
            Some(None) => return Err("a circle of states"),
            None => {}
        }
        let mut moves = world.moves();
        if moves.is_empty() {
            return world.check_end().map(|()| 1);
        }
        self.seen.insert(state.clone(), None);
        moves.extend(world.mishaps());
        let mut schedules = 0;
        let mut world = Some(world);
        for next in moves {
            let mut world = world.take().unwrap_or_else(|| self.replay());
            self.schedule.push(next);
            world.perform(next)?;
            schedules += self.explore(world)?;
            self.schedule.pop();
        }
        self.seen.insert(state, Some(schedules));
        Ok(schedules)
    }

    /// Returns the state after the present schedule.
    fn replay(&self) -> World<'a> {
        let mut world = World::new(self.model, self.generations);
        for next in &self.schedule {
            world.perform(*next).unwrap();
        }
        world
    }

    fn text(&self) -> String {
        let mut world = World::new(self.model, self.generations);
        let mut text = String::new();
        for next in &self.schedule {
            match next {
                Move::Caller(i) => {
                    writeln!(text, "caller {i} {}", world.callers[*i].at.name()).unwrap();
                }
                next => writeln!(text, "{next:?}").unwrap(),
            }
            let _ = world.perform(*next);
        }
        text
    }
}
