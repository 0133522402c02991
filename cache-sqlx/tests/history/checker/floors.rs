//! From which moment on which versions are too old.

use std::collections::BTreeMap;

use crate::event::{Ended, Outcome, Read};
use crate::item::Written;

/// The floors of each row, and of its values that have an owner.
#[derive(Debug)]
pub struct Floors<'a>(BTreeMap<(i32, Option<i32>), Vec<Floor<'a>>>);

#[derive(Clone, Copy, Debug)]
struct Floor<'a> {
    at: u64,
    version: i64,
    /// The highest version of this and the earlier floors.
    highest: i64,
    commit: &'a Ended,
}

impl<'a> Floors<'a> {
    /// Returns the floors of those that have committed, each with the moment from which on it counts.
    pub fn new(ends: impl Iterator<Item = (u64, &'a Ended)>) -> Self {
        let mut floors = BTreeMap::<_, Vec<Floor<'a>>>::new();
        for (at, commit) in ends.filter(|(_, ended)| ended.outcome == Outcome::Committed) {
            for Written { item, before } in &commit.written {
                let (version, highest) = (item.version, item.version);
                for owner in [None, Some(*before)] {
                    let floors = floors.entry((item.id, owner)).or_default();
                    floors.push(Floor { at, version, highest, commit });
                }
            }
        }
        for floors in floors.values_mut() {
            floors.sort_by_key(|floor| floor.at);
            let mut highest = 0;
            for floor in floors {
                highest = floor.version.max(highest);
                floor.highest = highest;
            }
        }
        Floors(floors)
    }

    /// Returns the first commit that forbids what was seen, and from when on. If a value is found by its owner alone, the
    /// commit of a row that had another one forbids nothing.
    pub fn first_above(&self, read: &Read) -> Option<(u64, &'a Ended)> {
        let (seen, owner) = (read.seen, read.is_by_owner().then_some(read.seen.owner));
        let floors = self.0.get(&(seen.id, owner))?;
        let first = floors.partition_point(|floor| floor.highest <= seen.version);
        floors.get(first).map(|floor| (floor.at, floor.commit))
    }
}
