//! Contenders that take turns.

use std::fmt;
use std::time::{Duration, Instant};

use crate::record;
use crate::table::{self, Times};

/// How much to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How often each contender has its turn.
    pub rounds: usize,
    /// How many calls one turn makes.
    pub calls: usize,
}

/// One of those who are compared.
pub struct Contender<'a> {
    name: &'static str,
    turn: Box<dyn FnMut() + 'a>,
}

impl Effort {
    /// This much under `cargo bench`, and next to nothing elsewhere, as in a test run.
    pub fn full(rounds: usize, calls: usize) -> Self {
        if is_full() {
            Effort { rounds, calls }
        } else {
            Effort { rounds: 1, calls: calls.min(1_000) }
        }
    }
}

impl<'a> Contender<'a> {
    /// A contender whose `turn` makes as many calls as [`Effort::calls`] says.
    pub fn new(name: &'static str, turn: impl FnMut() + 'a) -> Self {
        Contender { name, turn: Box::new(turn) }
    }
}

/// Whether this is `cargo bench`, which is to measure, or something that only runs the code.
pub fn is_full() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// Lets the contenders take turns; prints how long a call of each takes, and the ratio to the first
/// one's, and keeps that for the report under the name of the benchmark.
pub fn compare(benchmark: &str, title: &str, effort: Effort, mut contenders: Vec<Contender<'_>>) {
    for contender in &mut contenders {
        (contender.turn)(); // fills the cache
    }
    let mut times: Vec<Times> = contenders.iter().map(|c| Times::new(c.name)).collect();
    for round in 0..effort.rounds {
        // Nobody always comes after the same one: each leaves the processor's caches full of its own.
        for turn in order(round, contenders.len()) {
            let took = time(&mut contenders[turn].turn);
            times[turn].push(took / effort.calls as f64);
        }
    }
    table::print(title, effort, &times);
    record(benchmark, &times.iter().map(|own| own.figure(title, &times[0])).collect::<Vec<_>>());
}

/// Every rotation, forwards and backwards.
fn order(round: usize, len: usize) -> impl Iterator<Item = usize> {
    let backwards = (round / len) % 2 == 1;
    (0..len).map(move |place| {
        let place = if backwards { len - 1 - place } else { place };
        (place + round) % len
    })
}

/// In nanoseconds.
fn time(turn: &mut impl FnMut()) -> f64 {
    let began = Instant::now();
    turn();
    nanos(began.elapsed())
}

fn nanos(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

impl fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Contender").field(&self.name).finish()
    }
}
