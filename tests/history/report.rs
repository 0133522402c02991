//! Prints the result of a history.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use cache_tests::history::{Event, Key, Read, Span};

use crate::checker::Violation;
use crate::run::Outcome;

/// The number of violations that are reported in full.
const TOLD: usize = 5;
/// The maximum number of lines about each of them.
const LINES: usize = 80;
/// The number of kinds of operations whose longest one is reported.
const LONGEST: usize = 4;
/// The time before a wrong read from which events are printed too.
const BEFORE_US: u64 = 30_000;

pub fn summary(outcome: &Outcome) -> String {
    let Outcome { plan, verdict, operations, lasted, .. } = outcome;
    let mut text = String::new();
    let (mode, redis) = (plan.mode.name(), plan.redis.name());
    let _ = writeln!(text, "history: mode {mode}, redis {redis}, seed {}", plan.seed);
    let _ = writeln!(
        text,
        "  {operations} operations in {:.1} s by {} processes of {} tasks",
        lasted.as_secs_f64(),
        outcome.records.len(),
        plan.tasks,
    );
    let _ = writeln!(
        text,
        "  {} values seen, {} of them by calls of many keys ({}), {} while in touch with Redis; \
         {} changes, {} confirmed",
        verdict.checked,
        verdict.checked_of_many.values().sum::<u64>(),
        of_many(outcome),
        verdict.steady,
        changes(outcome, |_| true),
        changes(outcome, |confirmed| confirmed),
    );
    let _ = writeln!(text, "  {}, invalidated softly before {}", sights(outcome), verdict.softened);
    let _ = writeln!(text, "  in those processes that lived to the end: {}", counts(outcome));
    let _ = writeln!(text, "  operations: {}", kinds(outcome));
    let _ = writeln!(text, "  disturbances: {}", disturbances(outcome));
    let _ = writeln!(
        text,
        "  the latest sight of an old value after Redis held the change: {:?} in touch, {:?} else; \
         the longest operations: {}",
        verdict.latest_steady,
        verdict.latest,
        longest(outcome),
    );
    let _ = write!(text, "  violations: {}", verdict.violations.len());
    text
}

fn counts(outcome: &Outcome) -> String {
    let told = outcome.stats.iter().filter(|(name, count)| {
        **count > 0.0 && !name.ends_with("micros") && !name.ends_with("cost") && *name != "hit_rate"
    });
    let told: Vec<_> = told.map(|(name, count)| format!("{name} {count}")).collect();
    told.join(", ")
}

fn changes(outcome: &Outcome, which: impl Fn(bool) -> bool) -> usize {
    let events = outcome.records.iter().flat_map(|record| &record.events);
    events.filter(|event| matches!(event, Event::Change(c) if which(c.confirmed.is_some()))).count()
}

fn kinds(outcome: &Outcome) -> String {
    let mut kinds = BTreeMap::<_, u64>::new();
    for event in outcome.records.iter().flat_map(|record| &record.events) {
        match event {
            Event::Read(read) => *kinds.entry(read.how).or_default() += 1,
            Event::Change(change) => *kinds.entry(change.how).or_default() += 1,
            Event::Failure(_) | Event::Watch(_) => {}
        }
    }
    let kinds: Vec<_> = kinds.iter().map(|(how, count)| format!("{how:?} {count}")).collect();
    kinds.join(", ")
}

fn of_many(outcome: &Outcome) -> String {
    let kinds = outcome.verdict.checked_of_many.iter();
    let kinds: Vec<_> = kinds.map(|(how, count)| format!("{how:?} {count}")).collect();
    kinds.join(", ")
}

fn sights(outcome: &Outcome) -> String {
    let sights = outcome.verdict.sights.iter();
    let sights: Vec<_> = sights.map(|(sight, count)| format!("{sight:?} {count}")).collect();
    sights.join(", ")
}

fn disturbances(outcome: &Outcome) -> String {
    let mut kinds = BTreeMap::<&str, u64>::new();
    for disturbance in &outcome.disturbances {
        let kind = disturbance.what.split(' ').next().unwrap_or_default();
        *kinds.entry(kind).or_default() += 1;
    }
    let kinds: Vec<_> = kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    kinds.join(", ")
}

/// Returns how long the longest operation of each kind was, those first that were the longest.
fn longest(outcome: &Outcome) -> String {
    let mut kinds = BTreeMap::<String, Duration>::new();
    for event in outcome.records.iter().flat_map(|record| &record.events) {
        let kind = match event {
            Event::Read(read) => format!("{:?}", read.how),
            Event::Change(change) => format!("{:?}", change.how),
            Event::Failure(_) | Event::Watch(_) => continue,
        };
        let Span { begin, end } = span(event);
        let lasted = Duration::from_micros(end.saturating_sub(begin));
        let longest = kinds.entry(kind).or_default();
        *longest = lasted.max(*longest);
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, lasted)| std::cmp::Reverse(*lasted));
    let told = kinds.iter().take(LONGEST).map(|(kind, lasted)| format!("{kind} {lasted:?}"));
    told.collect::<Vec<_>>().join(", ")
}

fn span(event: &Event) -> Span {
    match event {
        Event::Read(read) => read.span,
        Event::Change(change) => change.span,
        Event::Failure(failure) => failure.span,
        Event::Watch(watch) => watch.span,
    }
}

pub fn violations(outcome: &Outcome) -> String {
    let violations = &outcome.verdict.violations;
    let mut text = format!("{} violations; seed {}\n", violations.len(), outcome.plan.seed);
    for violation in violations.iter().take(TOLD) {
        tell(&mut text, outcome, violation);
    }
    text
}

fn tell(text: &mut String, outcome: &Outcome, violation: &Violation) {
    let (process, read, change) = match violation {
        Violation::Own { process, read, change } => {
            let _ = writeln!(text, "\nprocess {process} reads what it has invalidated itself:");
            (process, read, change)
        }
        Violation::Others { process, read, change, late } => {
            let _ = writeln!(
                text,
                "\nprocess {process} reads what was invalidated {late:?} before, and confirmed:"
            );
            (process, read, change)
        }
        Violation::Foreign { process, read } => {
            let _ = writeln!(text, "\nprocess {process} reads another key's value: {read:?}");
            return;
        }
        Violation::Failed { process, failure } => {
            let _ = writeln!(text, "\nprocess {process}: an operation fails: {failure:?}");
            return;
        }
        Violation::Unsettled(what) => {
            let _ = writeln!(text, "\nat the end: {what}");
            return;
        }
    };
    let _ = writeln!(text, "  the change: {change:?}\n  the read: process {process} {read:?}");
    let from = change.span.begin.saturating_sub(BEFORE_US);
    let all = around(outcome, read, Span { begin: from, end: read.span.end });
    let (first, last) = all.split_at(all.len().saturating_sub(LINES / 2).min(LINES / 2));
    let left_out = last.len().saturating_sub(LINES / 2);
    first.iter().for_each(|line| text.push_str(line));
    if left_out > 0 {
        let _ = writeln!(text, "  ... {left_out} more ...");
    }
    last[left_out..].iter().for_each(|line| text.push_str(line));
}

/// Returns the events of a key and of all processes in a span, in order. Times are in microseconds
/// since its start.
fn around(outcome: &Outcome, read: &Read, time: Span) -> Vec<String> {
    let within = |span: Span| span.end >= time.begin && span.begin <= time.end;
    let mut lines = Vec::new();
    for record in &outcome.records {
        for event in record.events.iter().filter(|event| within(span(event))) {
            if let Some(what) = line(event, read.key) {
                lines.push((span(event), format!("process {}: {what}", record.process)));
            }
        }
        let pauses = record.pauses.iter().filter(|pause| within(**pause));
        lines
            .extend(pauses.map(|pause| (*pause, format!("process {} is stopped", record.process))));
    }
    let disturbances = outcome.disturbances.iter().filter(|disturbance| within(disturbance.span));
    lines.extend(disturbances.map(|disturbance| (disturbance.span, disturbance.what.clone())));
    lines.sort_by_key(|(span, _)| span.begin);
    let from_begin = |at: u64| at.cast_signed() - time.begin.cast_signed();
    let told = lines.into_iter().map(|(span, what)| {
        format!("  {:>9} ..{:>9}  {what}\n", from_begin(span.begin), from_begin(span.end))
    });
    told.collect()
}

fn line(event: &Event, key: Key) -> Option<String> {
    match event {
        Event::Read(read) if read.key == key => {
            let seen = match read.seen {
                None => "nothing".to_owned(),
                Some(seen) if seen.set_by == 0 => format!("version {}", seen.version),
                Some(seen) => format!("version {} put by {:x}", seen.version, seen.set_by),
            };
            Some(format!("{:?} from {:?} sees {seen}", read.how, read.origin))
        }
        Event::Change(change) => {
            let (_, floor) = change.floors.iter().find(|(changed, _)| *changed == key)?;
            let confirmed = match change.confirmed {
                Some(at) => format!("confirmed after {}", at.saturating_sub(change.span.begin)),
                None => "never confirmed".to_owned(),
            };
            Some(format!(
                "{:?} {:x} of {:?}: version {floor}, {confirmed}",
                change.how, change.id, change.scope
            ))
        }
        Event::Failure(failure) => Some(format!("{} fails: {}", failure.operation, failure.what)),
        Event::Watch(watch) if !watch.healthy => Some("is without Redis".to_owned()),
        Event::Read(_) | Event::Watch(_) => None,
    }
}
