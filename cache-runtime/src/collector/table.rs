//! An observation as a table for people.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::call::ObservedCall;
use super::observation::Observation;
use crate::config::Ttl;

/// The texts of a row, in the order of the columns.
type Row = [String; 5];

const TITLES: [&str; 5] = ["call", "source", "age", "remaining", "name"];

/// The columns that are aligned to the right.
const NUMBERS: [usize; 2] = [2, 3];

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let titles = TITLES.map(str::to_owned);
        let rows: Vec<Row> = [titles].into_iter().chain(in_tree(self.calls()).map(row)).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: [usize; 5] = std::array::from_fn(|column| width(column).unwrap_or_default());
        for row in &rows {
            writeln!(f, "{}", line(row, widths).trim_end())?;
        }
        match (self.len(), self.omitted()) {
            (1, 0) => write!(f, "1 call"),
            (calls, 0) => write!(f, "{calls} calls"),
            (calls, omitted) => write!(f, "{calls} calls; {omitted} more are not recorded"),
        }
    }
}

fn line(row: &Row, widths: [usize; 5]) -> String {
    let cells = row.iter().zip(widths).enumerate().map(|(column, (text, width))| {
        if NUMBERS.contains(&column) { format!("{text:>width$}") } else { format!("{text:width$}") }
    });
    cells.collect::<Vec<_>>().join("  ")
}

fn row(call: &ObservedCall) -> Row {
    let remaining = call.remaining().map_or_else(|| "-".to_owned(), |ttl| ttl.to_string());
    [
        format!("{:1$}{2}", "", call.depth() * 2, call.function()),
        source(call),
        Ttl::For(call.age()).to_string(),
        remaining,
        call.name().unwrap_or("-").to_owned(),
    ]
}

/// Returns the source, with what is unusual about the call.
fn source(call: &ObservedCall) -> String {
    let mut text = call.source().to_string();
    let notes = [
        call.bypass().map(|reason| reason.to_string()),
        call.is_stale().then(|| "stale".to_owned()),
        call.is_error().then(|| "error".to_owned()),
    ];
    for note in notes.into_iter().flatten() {
        text = format!("{text}, {note}");
    }
    text
}

/// Returns each call, followed by those that its body has made.
fn in_tree(calls: &[ObservedCall]) -> impl Iterator<Item = &ObservedCall> {
    let known: HashSet<u64> = calls.iter().map(ObservedCall::number).collect();
    let mut made = HashMap::<Option<u64>, Vec<&ObservedCall>>::new();
    for call in calls.iter().rev() {
        // The caller of a body that was dropped or has panicked is not recorded.
        made.entry(call.made_by().filter(|by| known.contains(by))).or_default().push(call);
    }
    let mut next = made.remove(&None).unwrap_or_default();
    std::iter::from_fn(move || {
        let call = next.pop()?;
        next.extend(made.remove(&Some(call.number())).into_iter().flatten());
        Some(call)
    })
}
