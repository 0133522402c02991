//! What it costs to build with `cache-runtime`: crates, time and bytes.

use cache_benches::build::{FUNCTIONS, PROGRAMS, Throwaway, annotated, bare};
use cache_benches::redis::Failure;
use cache_benches::redis::series::{Series, publish, publish_figures};
use cache_benches::{Effort, Figure, median};

const BENCHMARK: &str = "build";
/// What the program of many functions needs: the same, with attributes and without.
const DEPENDENCIES: &str = r#"
cache-runtime = { path = {runtime} }
serde = { version = "1", features = ["derive"] }
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
"#;

type Measured = Result<f64, Failure>;

fn main() -> Result<(), Failure> {
    programs()?;
    expansion()
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
    let with = Throwaway::new("annotated", DEPENDENCIES, &annotated())?;
    let without = Throwaway::new("bare", DEPENDENCIES, &bare())?;
    with.fetch()?;
    without.fetch()?;
    let added = |name: &str, unit: &str, rounds, measure: fn(&Throwaway) -> Measured| {
        let mut more = Vec::new();
        for _ in 0..=rounds {
            let bare = measure(&without)?;
            more.push(measure(&with)? - bare);
        }
        // The first time, what they depend on is built.
        let value = median(more.split_off(1));
        let group = format!("expansion, {FUNCTIONS} functions");
        let (name, unit) = (name.to_owned(), unit.to_owned());
        Ok::<_, Failure>(Figure { group, name, value, unit, ratio: None })
    };
    let figures = [
        added("cache-runtime", "s", rounds(5), |made| Ok(made.rebuild()?.as_secs_f64()))?,
        added("cache-runtime, check", "s", rounds(5), |made| Ok(made.recheck()?.as_secs_f64()))?,
        added("cache-runtime, binary size", "bytes", 1, |made| Ok(made.size()? as f64))?,
    ];
    publish_figures(BENCHMARK, &figures);
    Ok(())
}

fn rounds(full: usize) -> usize {
    Effort::full(full, 1).rounds
}
