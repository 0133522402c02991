//! The report of what was measured: the goals, tables, pictures.

mod amount;
mod goal;
mod goals;
mod lookup;
mod machine;
mod measured;
mod pivot;
mod place;
mod plot;
mod reasons;
mod sections;

pub use goal::{Goal, Limit, Outcome};
pub use goals::GOALS;
pub use lookup::Figures;
pub use place::{NoPlace, with_report};
pub use plot::{Plot, plots};

/// Returns the report in Markdown. `reasons` is the text that says why goals are missed, `folder` where the
/// pictures are, as seen from the report.
pub fn report(figures: &Figures, reasons: &str, plots: &[Plot], folder: &str) -> String {
    sections::whole(figures, reasons, plots, folder)
}

/// Returns the goals alone, as a table in Markdown, below a line about the machine.
pub fn summary(figures: &Figures) -> String {
    sections::goals(figures)
}
