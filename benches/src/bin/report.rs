//! Writes what the benchmarks have measured into the README, and draws it into `benches/plots`:
//!
//! ```text
//! cargo run --release --bin report [README]
//! ```
//!
//! The report goes between two markers; without them nothing is written.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cache_benches::figures;
use cache_benches::report::{Figures, plots, report, with_report};

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
    let readme =
        std::env::args_os().nth(1).map_or_else(|| benches.join("../README.md"), PathBuf::from);
    let figures = Figures(figures()?);
    let reasons = fs::read_to_string(benches.join("missed.md"))?;
    let plots = plots(&figures);
    let report = report(&figures, &reasons, &plots, "benches/plots");
    println!("{report}");

    let file = with_report(&fs::read_to_string(&readme)?, &report)?;
    fs::create_dir_all(benches.join("plots"))?;
    for plot in &plots {
        fs::write(benches.join("plots").join(plot.file), &plot.svg)?;
    }
    fs::write(&readme, file)?;
    Ok(())
}
