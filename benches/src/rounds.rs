//! Contenders that take turns.

use std::fmt;
use std::time::{Duration, Instant};

use crate::record;
use crate::table::{self, Times};

/// The extent of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// The number of turns of each contender.
    pub rounds: usize,
    /// The number of calls in a turn.
    pub calls: usize,
}

/// One of the compared libraries.
pub struct Contender<'a> {
    name: &'static str,
    /// `None`: as many as the effort says.
    calls: Option<usize>,
    turn: Box<dyn FnMut() -> Duration + 'a>,
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
    pub fn new(name: &'static str, mut turn: impl FnMut() + 'a) -> Self {
        let timed = move || {
            let began = Instant::now();
            turn();
            began.elapsed()
        };
        Contender::timed(name, timed)
    }

    /// The same, where `turn` says itself how long its calls have taken.
    pub fn timed(name: &'static str, turn: impl FnMut() -> Duration + 'a) -> Self {
        Contender { name, calls: None, turn: Box::new(turn) }
    }

    /// Says that a turn of this contender makes another number of calls.
    #[must_use]
    pub fn calls(self, calls: usize) -> Self {
        Contender { calls: Some(calls), ..self }
    }
}

/// Returns whether this is `cargo bench`, which measures, and not a command that only runs the code.
pub fn is_full() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// Lets the contenders take turns; prints how long a call of each takes, and the ratio to the first
/// one's, and keeps that for the report under the name of the benchmark.
pub fn compare(benchmark: &str, title: &str, effort: Effort, contenders: Vec<Contender<'_>>) {
    publish(benchmark, title, &measure(effort, contenders));
}

/// Lets the contenders take turns; how long a call of each takes, round by round. A first turn of
/// each is not counted.
pub fn measure(effort: Effort, mut contenders: Vec<Contender<'_>>) -> Vec<Times> {
    for contender in &mut contenders {
        (contender.turn)();
    }
    let mut times: Vec<Times> = contenders.iter().map(|c| Times::new(c.name)).collect();
    for round in 0..effort.rounds {
        // Nobody always comes after the same one: each leaves the processor's caches full of its own.
        for turn in order(round, contenders.len()) {
            let contender = &mut contenders[turn];
            let calls = contender.calls.unwrap_or(effort.calls);
            times[turn].push(nanos((contender.turn)()) / calls as f64);
        }
    }
    times
}

/// Prints what was measured, and keeps it for the report; the ratios are those to the first.
pub fn publish(benchmark: &str, title: &str, times: &[Times]) {
    table::print(title, times);
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

fn nanos(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

impl fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Contender").field(&self.name).finish()
    }
}
