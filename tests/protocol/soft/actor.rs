//! The actors and their steps.

use super::record::{Record, Token};
use super::{SoftModel, SoftRule};
use crate::search::Searched;

const ACTORS: usize = 5;
const LAST_TIME: u8 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Changes the data, and invalidates the tag hard.
    Hard,
    /// Changes the data, and invalidates the tag softly.
    Soft,
    Load,
    Read,
}

/// The progress of an actor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum At {
    #[default]
    Begins,
    /// The data are changed.
    Written,
    /// The token and the record were read; nothing was there to invalidate softly if there is no token.
    Planned(Option<Token>, Option<Record>),
    /// The record is written, and the token is about to be replaced.
    Recorded(Token),
    /// Redis is changed. The cached token is not dropped yet.
    Changed,
    /// The token is noted.
    Noted(Token),
    /// The body has read the data.
    Loaded(Option<Token>, u8),
    Reads(Floors),
    /// The entry was read.
    Compares(Floors, Option<Entry>),
    /// The token of the entry is another one.
    Softens(Floors, Entry),
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Entry {
    version: u8,
    token: Token,
}

/// The oldest versions that a reader may be given: any, and fresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Floors {
    any: u8,
    fresh: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Actor {
    at: At,
    /// The version that it has written.
    version: u8,
    /// The deadline of its window.
    until: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct World {
    now: u8,
    version: u8,
    token: Option<Token>,
    record: Option<Record>,
    entry: Option<Entry>,
    cached: Option<Token>,
    evictions: u8,
    actors: [Actor; ACTORS],
}

#[derive(Clone, Copy, Debug)]
pub enum Step {
    Goes(usize),
    /// The actor uses the cached token.
    GoesByCache(usize),
    Evicts,
    TimePasses,
}

impl World {
    /// Returns the floors of a read that begins now.
    fn floors(&self, model: &SoftModel) -> Floors {
        let mut floors = Floors::default();
        for (actor, role) in self.actors.iter().zip(&model.roles) {
            let returned = actor.at == At::Done;
            match role {
                Role::Hard if returned => {
                    floors.any = floors.any.max(actor.version);
                    floors.fresh = floors.fresh.max(actor.version);
                }
                Role::Soft if returned => {
                    floors.fresh = floors.fresh.max(actor.version);
                    if actor.until <= self.now {
                        floors.any = floors.any.max(actor.version);
                    }
                }
                _ => {}
            }
        }
        floors
    }

    /// Returns a token that only this actor makes.
    fn new_token(i: usize) -> Token {
        i as Token + 2
    }

    fn go(&mut self, model: &SoftModel, i: usize, by_cache: bool) -> Result<(), String> {
        let next = match (model.roles[i], self.actors[i].at) {
            (Role::Hard | Role::Soft, At::Begins) => {
                self.version += 1;
                self.actors[i].version = self.version;
                At::Written
            }
            (Role::Hard, At::Written) => {
                self.token = None;
                At::Changed
            }
            (Role::Soft, At::Written) => At::Planned(self.token, self.record),
            (_, At::Planned(token, former)) => self.write_record(model, i, token, former),
            (_, At::Recorded(expected)) => {
                let is_same = self.token == Some(expected) || model.is_off(SoftRule::SwapsCompare);
                self.token = is_same.then_some(Self::new_token(i));
                At::Changed
            }
            (role, At::Changed) => {
                if role == Role::Hard || !model.is_off(SoftRule::SoftDropsCachedTokens) {
                    self.cached = None;
                }
                At::Done
            }
            (Role::Load, At::Begins) if model.is_off(SoftRule::TokensNotedFirst) => {
                At::Loaded(None, self.version)
            }
            (Role::Load, At::Begins) => At::Noted(self.note(i)),
            (_, At::Noted(token)) => At::Loaded(Some(token), self.version),
            (_, At::Loaded(noted, version)) => {
                let token = noted.unwrap_or_else(|| self.note(i));
                // In a cluster, the entry is stored with the noted token, whatever the present one is.
                if self.token == Some(token) || model.is_cluster {
                    self.entry = Some(Entry { version, token });
                }
                At::Done
            }
            (Role::Read, At::Begins) => At::Reads(self.floors(model)),
            (_, At::Reads(floors)) => At::Compares(floors, self.entry),
            (_, At::Compares(_, None)) => At::Done,
            (_, At::Compares(floors, Some(entry))) => {
                let present = if by_cache { self.cached } else { self.token };
                if !by_cache {
                    self.cached = self.token;
                }
                match present == Some(entry.token) {
                    true => Self::serve(floors.fresh, entry, "fresh")?,
                    // A cached token that contradicts the entry is read again.
                    false if by_cache => At::Compares(floors, Some(entry)),
                    false => At::Softens(floors, entry),
                }
            }
            (_, At::Softens(floors, entry)) => {
                let accepts =
                    |record: Record| record.accepts(model, entry.token, self.token, self.now);
                match self.record.is_some_and(accepts) {
                    true if model.is_off(SoftRule::PredecessorsAreStale) => {
                        Self::serve(floors.fresh, entry, "fresh")?
                    }
                    true => Self::serve(floors.any, entry, "stale")?,
                    false => At::Done,
                }
            }
            (role, at) => unreachable!("{role:?} has no step at {at:?}"),
        };
        self.actors[i].at = next;
        Ok(())
    }

    fn write_record(
        &mut self,
        model: &SoftModel,
        i: usize,
        token: Option<Token>,
        former: Option<Record>,
    ) -> At {
        self.actors[i].until = self.now + 1;
        let Some(token) = token else {
            // Without a token, there is a removal, since a token may have been made meanwhile.
            self.token = None;
            return At::Changed;
        };
        let until = self.now + 1;
        self.record = Some(Record::after(model, former, token, Self::new_token(i), until));
        At::Recorded(token)
    }

    fn note(&mut self, i: usize) -> Token {
        *self.token.get_or_insert(Self::new_token(i))
    }

    fn serve(floor: u8, entry: Entry, how: &str) -> Result<At, String> {
        match entry.version < floor {
            true => Err(format!("version {} is served as {how}, below {floor}", entry.version)),
            false => Ok(At::Done),
        }
    }
}

impl Searched for SoftModel {
    type World = World;
    type Step = Step;

    fn start(&self) -> World {
        World {
            now: 0,
            version: 0,
            token: Some(1),
            record: None,
            entry: Some(Entry { version: 0, token: 1 }),
            cached: Some(1),
            evictions: self.evictions,
            actors: [Actor::default(); ACTORS],
        }
    }

    fn steps(&self, world: &World) -> Vec<Step> {
        let mut steps = Vec::new();
        for (i, actor) in world.actors.iter().enumerate().take(self.roles.len()) {
            if actor.at != At::Done {
                steps.push(Step::Goes(i));
            }
            if matches!(actor.at, At::Compares(_, Some(entry)) if world.cached == Some(entry.token))
            {
                steps.push(Step::GoesByCache(i));
            }
        }
        if world.evictions > 0 && world.token.is_some() {
            steps.push(Step::Evicts);
        }
        if world.now < LAST_TIME {
            steps.push(Step::TimePasses);
        }
        steps
    }

    fn perform(&self, world: &mut World, step: Step) -> Result<(), String> {
        match step {
            Step::Goes(i) => world.go(self, i, false)?,
            Step::GoesByCache(i) => world.go(self, i, true)?,
            Step::Evicts => {
                world.token = None;
                world.evictions -= 1;
            }
            Step::TimePasses => world.now += 1,
        }
        Ok(())
    }

    fn describe(&self, world: &World, step: Step) -> String {
        match step {
            Step::Goes(i) | Step::GoesByCache(i) => {
                format!("{i} ({:?}) goes on from {:?}", self.roles[i], world.actors[i].at)
            }
            Step::Evicts => "the token is evicted".to_owned(),
            Step::TimePasses => format!("the time is {}", world.now + 1),
        }
    }
}
