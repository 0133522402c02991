//! Writes the results of the benchmarks: the goals into the README, all tables into
//! `benches/RESULTS.md`, and the plots into `benches/plots`.
//!
//! ```text
//! cargo run --release --bin report [FOLDER]
//! ```
//!
//! `FOLDER` is the repository by default. In each file the text between two markers is replaced; if
//! a file has no markers, nothing is written.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cache_benches::figures;
use cache_benches::report::{Figures, plots, report, summary, with_report};

fn main() -> ExitCode {
    match write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn write() -> Result<(), Box<dyn Error>> {
    let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::args_os().nth(1).map_or_else(|| benches.join(".."), PathBuf::from);
    let [readme, results] = ["README.md", "benches/RESULTS.md"].map(|file| folder.join(file));
    let figures = Figures(figures()?);
    let reasons = fs::read_to_string(benches.join("missed.md"))?;
    let plots = plots(&figures);
    let report = report(&figures, &reasons, &plots, "plots");
    println!("{report}");

    let new_readme = with_report(&fs::read_to_string(&readme)?, &summary(&figures))?;
    let new_results = with_report(&fs::read_to_string(&results)?, &report)?;
    let pictures = folder.join("benches/plots");
    fs::create_dir_all(&pictures)?;
    for plot in &plots {
        fs::write(pictures.join(plot.file), &plot.svg)?;
    }
    fs::write(&readme, new_readme)?;
    fs::write(&results, new_results)?;
    Ok(())
}
