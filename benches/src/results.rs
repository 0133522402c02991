//! The measurements for the report: one file of JSON lines for each benchmark.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::is_full;

/// One measured number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The name of the comparison: "memory hit, u64, 10,000 keys, 1 thread".
    pub group: String,
    /// The name of the contender.
    pub name: String,
    /// The measured value.
    pub value: f64,
    /// Of what: "ns", "bytes", "%", "crates".
    pub unit: String,
    /// The median of the ratios to the group's first, taken round by round.
    pub ratio: Option<f64>,
}

impl Figure {
    /// Returns a figure without a ratio.
    pub fn new(group: &str, name: &str, value: f64, unit: &str) -> Self {
        Figure {
            group: group.to_owned(),
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
            ratio: None,
        }
    }
}

/// Keeps figures for the report, in the file of this name. The first of a run empties the file.
/// Outside `cargo bench` nothing is kept: what a test run measures is no figure.
///
/// # Panics
///
/// If the file cannot be written.
pub fn record(benchmark: &str, figures: &[Figure]) {
    static BEGUN: Mutex<Vec<(PathBuf, File)>> = Mutex::new(Vec::new());
    if !is_full() {
        return;
    }
    let path = folder().join(format!("{benchmark}.jsonl"));
    let mut begun = BEGUN.lock().unwrap_or_else(PoisonError::into_inner);
    let place = begun.iter().position(|(known, _)| *known == path).unwrap_or_else(|| {
        fs::create_dir_all(folder()).expect("the folder of the results");
        begun.push((path.clone(), File::create(&path).expect("a file of results")));
        begun.len() - 1
    });
    for figure in figures {
        let line = serde_json::to_string(figure).expect("a figure is plain data");
        writeln!(begun[place].1, "{line}").expect("writing a result");
    }
}

/// Returns all figures of the last run of each benchmark, by the names of their files.
///
/// # Errors
///
/// If a file cannot be read, or holds something else.
pub fn figures() -> std::io::Result<Vec<Figure>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder())? {
        paths.push(entry?.path());
    }
    paths.sort();
    let mut figures = Vec::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|e| e == "jsonl")) {
        for line in BufReader::new(File::open(path)?).lines() {
            figures.push(serde_json::from_str(&line?)?);
        }
    }
    Ok(figures)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/results")
}
