//! The report of what was measured: the goals, tables, pictures.

mod amount;
mod goal;
mod goals;
mod lookup;
mod machine;
mod measured;
mod pivot;
mod plot;
mod readme;
mod reasons;
mod sections;

pub use goal::{Goal, Limit, Outcome};
pub use goals::GOALS;
pub use lookup::Figures;
pub use plot::{Plot, plots};
pub use readme::{NoPlace, with_report};

/// The report in Markdown. `reasons` is the text that says why goals are missed, `folder` where the
/// pictures are, as seen from the report.
pub fn report(figures: &Figures, reasons: &str, plots: &[Plot], folder: &str) -> String {
    sections::whole(figures, reasons, plots, folder)
}
