//! Measures the cost of building with `cache-runtime`: crates, time and bytes.

use std::env::args;
use std::time::{Duration, Instant};

use cache_benches::build::{FUNCTIONS, PROGRAMS, Throwaway, annotated, bare};
use cache_benches::redis::Failure;
use cache_benches::redis::series::{Series, publish, publish_figures};
use cache_benches::{Effort, Figure, median};

const BENCHMARK: &str = "build";
/// After this time no further round of a slow build begins.
const PATIENCE: Duration = Duration::from_secs(120);
/// The dependencies of the program with many functions, with attributes and without.
const DEPENDENCIES: &str = r#"
cache-runtime = { path = {runtime} }
serde = { version = "1", features = ["derive"] }
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
"#;

type Measured = Result<f64, Failure>;

/// Both parts, or the one that is named: `programs` or `expansion`.
fn main() -> Result<(), Failure> {
    let named: Vec<_> = args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, part) in [("programs", programs as fn() -> _), ("expansion", expansion)] {
        if named.is_empty() || named.iter().any(|named| named == name) {
            part()?;
        }
    }
    Ok(())
}

/// Programs of one function, as they are built for the first time.
fn programs() -> Result<(), Failure> {
    let made = PROGRAMS.map(|program| {
        let made = Throwaway::new(program.folder, program.dependencies, program.main)?;
        made.fetch()?;
        Ok::<_, Failure>(made)
    });
    let made = made.into_iter().collect::<Result<Vec<_>, _>>()?;
    let compare = |group, unit, rounds, measure: fn(&Throwaway) -> Measured| {
        let mut all = PROGRAMS.map(|program| Series::new(program.name));
        for _ in 0..rounds {
            for (made, series) in made.iter().zip(&mut all) {
                series.rounds.push(measure(made)?);
            }
        }
        publish(BENCHMARK, group, unit, &all);
        Ok::<_, Failure>(())
    };
    compare("crates", "crates", 1, |made| Ok(made.crates()? as f64))?;
    compare("cold build time", "s", rounds(3), |made| Ok(made.cold_build()?.as_secs_f64()))?;
    compare("binary size", "bytes", 1, |made| Ok(made.size()? as f64))
}

/// Many functions, with attributes and without: how much more it takes to build the program, when all
/// that it depends on has been built.
fn expansion() -> Result<(), Failure> {
    let without = Throwaway::new("bare", DEPENDENCIES, &bare())?;
    let with = Throwaway::new("annotated", DEPENDENCIES, &annotated())?.beside(&without);
    without.fetch()?;
    with.fetch()?;
    let built = added(&without, &with, |made| Ok(made.rebuild()?.as_secs_f64()))?;
    let size_with = with.size()?;
    without.rebuild()?;
    let size = size_with as f64 - without.size()? as f64;
    let checked = added(&without, &with, |made| Ok(made.recheck()?.as_secs_f64()))?;
    let group = format!("expansion, {FUNCTIONS} functions");
    let figure = |name: &str, value, unit: &str| {
        let (group, name, unit) = (group.clone(), name.to_owned(), unit.to_owned());
        Figure { group, name, value, unit, ratio: None }
    };
    let figures = [
        figure("cache-runtime", built, "s"),
        figure("cache-runtime, check", checked, "s"),
        figure("cache-runtime, binary size", size, "bytes"),
    ];
    publish_figures(BENCHMARK, &figures);
    Ok(())
}

/// Returns how much more the one takes than the other, in each round. The dependencies of both are
/// built first.
fn added(without: &Throwaway, with: &Throwaway, measure: fn(&Throwaway) -> Measured) -> Measured {
    measure(without)?;
    let (mut more, began) = (Vec::new(), Instant::now());
    while more.len() < rounds(5) && (more.is_empty() || began.elapsed() < PATIENCE) {
        let bare = measure(without)?;
        more.push(measure(with)? - bare);
    }
    Ok(median(more))
}

fn rounds(full: usize) -> usize {
    Effort::full(full, 1).rounds
}
