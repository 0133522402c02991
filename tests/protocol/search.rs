//! The search: every order of steps, the shortest first.

use std::collections::{HashSet, VecDeque};
use std::fmt::Write as _;
use std::hash::Hash;

use crate::derived::Count;
use crate::hash::Quick;
use crate::redis::{Entry, Held, Id, Keys, Kin, Kind, Redis, Tokens};
use crate::rules::{Model, Start, Tag};
use crate::state::{ACTORS, Actor, Feed, Link, Nodes, Notices, Process, World};
use crate::step::Step;

/// A wrong answer, and the fewest steps that lead to it.
#[derive(Debug)]
pub struct Violation {
    pub steps: usize,
    pub story: String,
}

/// A program that can be searched: its states, and the steps between them.
pub trait Searched {
    type World: Copy + Eq + Hash;
    type Step: Copy;

    fn start(&self) -> Self::World;

    /// Returns everything that can happen next.
    fn steps(&self, world: &Self::World) -> Vec<Self::Step>;

    /// Does a step. An error says what it has shown to be wrong.
    fn perform(&self, world: &mut Self::World, step: Self::Step) -> Result<(), String>;

    /// Returns a step in words.
    fn describe(&self, world: &Self::World, step: Self::Step) -> String;
}

/// A state that was reached: the step, and the state before it.
struct Reached<S> {
    step: S,
    before: usize,
}

/// Goes through all states, and returns how many there are.
pub fn explore<M: Searched>(model: &M) -> Result<usize, Violation> {
    let start = model.start();
    let mut seen = HashSet::with_hasher(Quick::default());
    seen.insert(start);
    let mut reached: Vec<Reached<M::Step>> = Vec::new();
    // With each state the number of the step that led to it; none led to the first.
    let mut next = VecDeque::from([(start, usize::MAX)]);
    while let Some((world, before)) = next.pop_front() {
        for step in model.steps(&world) {
            let mut after = world;
            let outcome = model.perform(&mut after, step);
            if outcome.is_ok() && !seen.insert(after) {
                continue;
            }
            reached.push(Reached { step, before });
            if let Err(fault) = outcome {
                return Err(tell(model, &reached, &fault));
            }
            next.push_back((after, reached.len() - 1));
        }
    }
    Ok(seen.len())
}

/// Returns the steps to the last state that was reached, in words.
fn tell<M: Searched>(model: &M, reached: &[Reached<M::Step>], fault: &str) -> Violation {
    let mut steps = Vec::new();
    let mut at = reached.len() - 1;
    while let Some(Reached { step, before }) = reached.get(at) {
        steps.push(*step);
        at = *before;
    }
    steps.reverse();
    let mut world = model.start();
    let mut story = String::new();
    for step in &steps {
        writeln!(story, "  {}", model.describe(&world, *step)).unwrap();
        let _ = model.perform(&mut world, *step);
    }
    writeln!(story, "  {fault}").unwrap();
    Violation { steps: steps.len(), story }
}

impl Searched for Model {
    type World = World;
    type Step = Step;

    fn start(&self) -> World {
        World::new(self)
    }

    fn steps(&self, world: &World) -> Vec<Step> {
        world.steps(self)
    }

    fn perform(&self, world: &mut World, step: Step) -> Result<(), String> {
        world.perform(self, step)
    }

    fn describe(&self, world: &World, step: Step) -> String {
        world.describe(self, step)
    }
}

impl World {
    pub fn new(model: &Model) -> Self {
        let program = model.program;
        let id = |kind| Id::new(kind, ACTORS);
        let tokens =
            Tokens { root: Some(id(Kind::Root)), prefix: Some(id(Kind::Prefix)), ..Tokens::NONE };
        let entry = Held::Entry(Entry { id: id(Kind::Entry), version: 0, tokens, of: Kin::One });
        let (held, tokens) = match program.start {
            Start::Cold | Start::Counted => (Held::Nothing, Tokens::default()),
            Start::Stored | Start::TokensCached | Start::Warm => (entry, tokens),
        };
        let cached = matches!(program.start, Start::TokensCached | Start::Warm);
        let process = Process {
            memory: (program.start == Start::Warm).then_some(0),
            other: None,
            outer: None,
            token_cache: if cached { tokens } else { Tokens::default() },
            lease: true,
            lapsed: false,
            feed: Feed::Connected,
            link: Link::Up,
            lost: Nodes::NONE,
            inbox: Notices::default(),
            echoes: Notices::default(),
            behind: 0,
            journal: 0,
            required: 0,
            known: 0,
        };
        let mut actors = [Actor::DONE; ACTORS];
        actors[model.actors()].fill(Actor::NEW);
        let born = program.tag == Tag::Derived && tokens.prefix.is_some();
        let counter = born.then_some(Count::new(ACTORS));
        let birth = counter;
        let mut redis = Redis {
            held,
            beside: Held::Nothing,
            outer: Held::Nothing,
            tokens,
            counter,
            birth,
            runs: [0; 2],
            identified: 0,
        };
        redis.keep_known(model.nodes());
        let mut processes = [process; 2];
        if cached && model.inherits() {
            let (name, cleared) = (Some(id(Kind::Name)), Some(id(Kind::Cleared)));
            let tokens = Tokens { name, cleared, ..tokens };
            redis.tokens = tokens;
            redis.outer =
                Held::Entry(Entry { id: id(Kind::Entry), version: 0, tokens, of: Kin::Outer });
            for process in &mut processes {
                process.token_cache = tokens;
                process.outer = process.memory;
            }
        }
        let mut snapshots = [None; 2];
        if program.start == Start::Counted {
            let counter = Count::new(ACTORS);
            redis.counter = Some(counter);
            let node = program.servers.node_of(Keys::COUNTER);
            snapshots[node] = Some(redis.part(model, node));
            redis.counter = Some(Count { removals: 1, ..counter });
        }
        World {
            data: 0,
            redis,
            snapshots,
            processes,
            actors,
            left: program.mishaps,
            written: [0; ACTORS],
            confirmed: 0,
        }
    }
}
