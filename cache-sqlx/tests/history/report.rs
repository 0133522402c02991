//! Prints the result of a history.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};

use cache_tests::history::Span;

use crate::checker::Violation;
use crate::event::{Ended, Event, Read};
use crate::run::Outcome;

/// The number of violations that are reported in full.
const TOLD: usize = 5;
/// The number of lines about each of them.
const LINES: usize = 60;
/// The time before a commit from which events are printed too.
const BEFORE_US: u64 = 20_000;

pub fn summary(outcome: &Outcome) -> String {
    let Outcome { plan, verdict, .. } = outcome;
    let mut text = String::new();
    let _ = writeln!(text, "history: mode {}, seed {}", plan.mode.name(), plan.seed);
    let _ = writeln!(
        text,
        "  {} operations in {:.1} s by {} processes of {} tasks",
        outcome.operations,
        outcome.lasted.as_secs_f64(),
        outcome.records.len(),
        plan.tasks,
    );
    let reads: Vec<_> =
        verdict.reads.iter().map(|(how, from)| format!("{how:?} ({})", list(from))).collect();
    let _ = writeln!(text, "  reads: {}", reads.join(", "));
    let _ = writeln!(text, "  reads of own rows: {}", verdict.own_reads);
    let _ = writeln!(text, "  transactions: {}", list(&verdict.outcomes));
    let _ = writeln!(text, "  of these: {}", list(&verdict.facts));
    let _ = writeln!(text, "  faults: {}", list(&outcome.faults));
    let _ = write!(text, "  violations: {}", verdict.violations.len());
    text
}

pub fn violations(outcome: &Outcome) -> String {
    let violations = &outcome.verdict.violations;
    let mut kinds = BTreeMap::new();
    for violation in violations {
        *kinds.entry(kind(violation)).or_default() += 1;
    }
    let mut text = format!(
        "{} violations ({}), the first after {} of {} operations; seed {}\n",
        violations.len(),
        list(&kinds),
        operations_before_the_first(outcome),
        outcome.operations,
        outcome.plan.seed
    );
    for violation in violations.iter().take(TOLD) {
        tell(&mut text, outcome, violation);
    }
    text
}

/// Returns the number of reads and transactions that had ended when the first violation was seen.
fn operations_before_the_first(outcome: &Outcome) -> usize {
    let wrong = outcome.verdict.violations.iter().filter_map(Violation::read);
    let first = wrong.map(|read| read.span.end).min().unwrap_or(u64::MAX);
    let events = outcome.records.iter().flat_map(|record| &record.events);
    let ends = events.filter_map(|event| match event {
        Event::Read(read) => Some(read.span.end),
        Event::Ended(ended) => Some(ended.span.end),
        _ => None,
    });
    ends.filter(|end| *end <= first).count()
}

fn kind(violation: &Violation) -> String {
    match violation {
        Violation::NotOwn { read, .. } => format!("not its own row by {:?}", read.how),
        Violation::Uncommitted { read, .. } => {
            format!("uncommitted by {:?} from {:?}", read.how, read.origin)
        }
        Violation::Old { read, .. } => format!("old by {:?} from {:?}", read.how, read.origin),
        Violation::Late { read, .. } => format!("late by {:?} from {:?}", read.how, read.origin),
        Violation::Failed { .. } => "failed".to_owned(),
        Violation::Stale { how, .. } => format!("stale at the end by {how:?}"),
        Violation::Unsettled(_) => "unsettled".to_owned(),
    }
}

fn list<K: Debug>(counts: &BTreeMap<K, u64>) -> String {
    let counts: Vec<_> = counts
        .iter()
        .map(|(kind, count)| format!("{} {count}", format!("{kind:?}").trim_matches('"')))
        .collect();
    counts.join(", ")
}

fn tell(text: &mut String, outcome: &Outcome, violation: &Violation) {
    let (process, read, commit) = match violation {
        Violation::NotOwn { process, read } | Violation::Uncommitted { process, read } => {
            (process, read, None)
        }
        Violation::Old { process, read, commit }
        | Violation::Late { process, read, commit, .. } => (process, read, Some(commit)),
        Violation::Failed { .. } | Violation::Stale { .. } | Violation::Unsettled(_) => {
            let _ = writeln!(text, "\n{violation:?}");
            return;
        }
    };
    let _ = writeln!(text, "\n{}: process {process} {read:?}", kind(violation));
    let begin = commit.map_or(read.span.begin, |commit| commit.span.begin.min(read.span.begin));
    if let Some(commit) = commit {
        let _ = writeln!(text, "  the commit: {commit:?}");
    }
    let time = Span { begin: begin.saturating_sub(BEFORE_US), end: read.span.end };
    let lines = around(outcome, read, time);
    let left_out = lines.len().saturating_sub(LINES);
    let (first, last) = lines.split_at(lines.len().min(LINES / 2));
    first.iter().for_each(|line| text.push_str(line));
    if left_out > 0 {
        let _ = writeln!(text, "  ... {left_out} more ...");
    }
    last[left_out.min(last.len())..].iter().for_each(|line| text.push_str(line));
}

/// Returns the events of a row in a span, in order. Times are in microseconds since its start.
fn around(outcome: &Outcome, read: &Read, time: Span) -> Vec<String> {
    let within = |span: Span| span.end >= time.begin && span.begin <= time.end;
    let mut lines = Vec::new();
    for record in &outcome.records {
        for event in &record.events {
            let told = match event {
                Event::Read(other) if other.seen.id == read.seen.id => {
                    let own = if other.own.is_some() { " its own" } else { "" };
                    let (version, writer) = (other.seen.version, other.seen.writer);
                    let what = format!(
                        "{:?} from {:?} sees{own} version {version} of {writer}",
                        other.how, other.origin
                    );
                    Some((other.span, what))
                }
                Event::Ended(ended) => end_of(ended, read.seen.id),
                _ => None,
            };
            lines.extend(
                told.filter(|(span, _)| within(*span))
                    .map(|(span, what)| (span, format!("process {}: {what}", record.process))),
            );
        }
    }
    lines.sort_by_key(|(span, _)| span.begin);
    let from_begin = |at: u64| at.cast_signed() - time.begin.cast_signed();
    let told = lines.into_iter().map(|(span, what)| {
        format!("  {:>9} ..{:>9}  {what}\n", from_begin(span.begin), from_begin(span.end))
    });
    told.collect()
}

fn end_of(ended: &Ended, id: i32) -> Option<(Span, String)> {
    let item = ended.written.iter().find(|written| written.item.id == id)?.item;
    let confirmed = match ended.confirmed {
        Some(at) => format!("confirmed after {}", at.saturating_sub(ended.span.begin)),
        None => "never confirmed".to_owned(),
    };
    let (version, writer) = (item.version, ended.writer);
    Some((ended.span, format!("{:?} version {version} of {writer}, {confirmed}", ended.outcome)))
}
