use cache_tests::history::{Change, Datum, KEYS, OWNERS, Span};

const OWNER_COUNT: usize = OWNERS as usize;

/// From which moment on which versions are too old, for each key and each owner that its value may have.
#[derive(Debug)]
pub struct Floors<'a>([[Vec<Floor<'a>>; OWNER_COUNT]; KEYS]);

#[derive(Clone, Copy, Debug)]
struct Floor<'a> {
    at: u64,
    version: u64,
    /// The highest version of this and the earlier floors.
    highest: u64,
    change: &'a Change,
}

impl<'a> Floors<'a> {
    /// Returns the floors of changes that count from these moments on.
    pub fn new(changes: impl Iterator<Item = (u64, &'a Change)>) -> Self {
        let mut floors = Floors(Default::default());
        for (at, change) in changes {
            for &(key, version) in &change.floors {
                let owners = (0..OWNERS).zip(&mut floors.0[key.index()]);
                for (_, floors) in owners.filter(|(owner, _)| change.scope.covers_owner(*owner)) {
                    floors.push(Floor { at, version, highest: version, change });
                }
            }
        }
        for floors in floors.0.as_flattened_mut() {
            floors.sort_by_key(|floor| floor.at);
            let mut highest = 0;
            for floor in floors {
                highest = floor.version.max(highest);
                floor.highest = highest;
            }
        }
        floors
    }

    /// Returns the first floor that forbids what was seen, and from when on. What was put directly is
    /// forbidden only by what began later.
    pub fn first_above(&self, seen: &Datum, put: Option<Span>) -> Option<(u64, &'a Change)> {
        let floors = &self.0[seen.key.index()][usize::from(seen.owner())];
        let first = floors.partition_point(|floor| floor.highest <= seen.version);
        let mut above = floors[first..].iter().filter(|floor| floor.version > seen.version);
        let found = match put {
            None => above.next(),
            Some(put) => above.find(|floor| floor.change.span.begin > put.end),
        };
        found.map(|floor| (floor.at, floor.change))
    }
}
