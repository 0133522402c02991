//! The commands that change nothing.

use std::fmt::Write as _;
use std::time::Duration;

use cache_runtime::{CacheManager, EntryState, FleetStats, Inspected, Status, Ttl};
use cache_syntax::{name_fault, segment_fault};
use serde::Serialize;
use serde_json::json;

use super::{fleet_stats, unavailable};
use crate::args::List;
use crate::exit::{Exit, Failure};
use crate::output::{Output, printable};

pub(crate) async fn stats(
    manager: &CacheManager,
    out: &mut Output,
    reset: bool,
) -> Result<Exit, Failure> {
    let stats = fleet_stats(manager).await?;
    if stats.since.is_none() && !out.is_json() {
        out.line("There are no statistics: no process has reported to this namespace.")?;
    } else {
        out.answer(&stats, with_printable_names(stats.clone()))?;
    }
    if reset && !manager.reset_fleet_stats().await {
        return Err(unavailable(manager).await);
    }
    Ok(Exit::Done)
}

/// Makes the names of call sites printable, because any client of Redis may have written them.
fn with_printable_names(mut stats: FleetStats) -> FleetStats {
    for site in &mut stats.sites {
        site.name = printable(&site.name).into_owned();
    }
    stats
}

pub(crate) async fn health(manager: &CacheManager, out: &mut Output) -> Result<Exit, Failure> {
    let health = manager.health().await;
    let latency = health.latency.map(|time| format!(", answers in {time:.1?}"));
    let reason = health.reason.as_ref().map(|reason| format!(": {}", printable(reason)));
    let status = format!("{:?}", health.status).to_lowercase();
    let text = format!("{status}{}{}", latency.unwrap_or_default(), reason.unwrap_or_default());
    out.answer(&health, text)?;
    Ok(if health.status == Status::Healthy { Exit::Done } else { Exit::No })
}

#[derive(Serialize)]
struct Named {
    name: String,
    #[serde(flatten)]
    entry: Option<Inspected>,
    /// The reason for which the entry cannot be inspected.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Named {
    /// Inspects the entry. An error becomes a part of the result.
    async fn look(manager: &CacheManager, name: String) -> Self {
        match manager.inspect(&name).await {
            Ok(entry) => Named { name, entry, error: None },
            Err(error) => Named { name, entry: None, error: Some(format!("{error:#}")) },
        }
    }

    fn row(&self) -> String {
        let name = printable(&self.name);
        match (&self.entry, &self.error) {
            (Some(entry), _) => row(&name, entry),
            (None, Some(error)) => {
                format!("{}  ({})", empty_row("unreadable", &name), printable(error))
            }
            // The entry has ended since it was listed, or it is not a value.
            (None, None) => empty_row("absent", &name),
        }
    }
}

pub(crate) async fn list(
    manager: &CacheManager,
    out: &mut Output,
    list: &List,
) -> Result<Exit, Failure> {
    let patterns = match (&list.prefix, &list.pattern) {
        (Some(prefix), _) => {
            // Names may contain the characters of patterns, and may have more than six segments.
            if let Some(fault) = name_fault(prefix).or(segment_fault(prefix)) {
                let problem = format!("the prefix {prefix:?} cannot be used: {fault}");
                return Err(Failure::Usage(problem));
            }
            vec![literal(prefix), format!("{}:*", literal(prefix))]
        }
        (None, Some(pattern)) => vec![pattern.clone()],
        (None, None) => vec!["*".to_owned()],
    };
    let mut left = if list.limit == 0 { usize::MAX } else { list.limit };
    for pattern in patterns {
        let mut names = manager.names(&pattern)?;
        while let Some(page) = names.next().await {
            for name in page {
                if left == 0 {
                    eprintln!("cachectl: there are more; --limit 0 shows all");
                    return Ok(Exit::Done);
                }
                left -= 1;
                if list.long {
                    let named = Named::look(manager, name).await;
                    out.answer(&named, named.row())?;
                } else {
                    out.answer(&json!({ "name": name }), printable(&name))?;
                }
            }
        }
        if !names.is_complete() {
            return Err(unavailable(manager).await);
        }
    }
    Ok(Exit::Done)
}

fn empty_row(state: &str, name: &str) -> String {
    format!("{state:11} {:>9} {:>9} {:>9}  {name}", "-", "-", "-")
}

fn row(name: &str, entry: &Inspected) -> String {
    format!(
        "{:11} {:>9} {:>9} {:>9}  {name}",
        state(entry.state),
        short(entry.age),
        left(entry.remaining),
        format!("{} B", entry.size)
    )
}

pub(crate) async fn inspect(
    manager: &CacheManager,
    out: &mut Output,
    name: &str,
    with_value: bool,
) -> Result<Exit, Failure> {
    let Some(entry) = manager.inspect(name).await? else {
        if manager.ping().await.is_none() {
            return Err(unavailable(manager).await);
        }
        out.answer(
            &json!({ "name": name, "state": "absent" }),
            format!("{}: there is no entry", printable(name)),
        )?;
        return Ok(Exit::No);
    };
    let value: Option<serde_json::Value> = if with_value { entry.value() } else { None };
    let text = described(name, &entry, with_value, value.as_ref());
    let mut json = serde_json::to_value(&entry).unwrap_or_default();
    json["name"] = name.into();
    if let Some(value) = value {
        json["value"] = value;
    }
    out.answer(&json, text.trim_end())?;
    Ok(Exit::Done)
}

fn described(
    name: &str,
    entry: &Inspected,
    with_value: bool,
    value: Option<&serde_json::Value>,
) -> String {
    let mut text = String::new();
    let mut line = |what: &str, is: &str| _ = writeln!(text, "{what:10} {}", printable(is));
    line("name", name);
    line("state", state(entry.state));
    if matches!(entry.state, EntryState::Loading | EntryState::Unreadable) {
        return text;
    }
    line("age", &short(entry.age));
    line("ttl", &left(entry.ttl));
    line("remaining", &left(entry.remaining));
    line("load time", &short(entry.load_time));
    let compressed = if entry.compressed { ", compressed" } else { "" };
    let codec = entry.codec.unwrap_or("a custom codec");
    line("size", &format!("{} B, {codec}{compressed}", entry.size));
    for tag in &entry.tags {
        line("tag", &format!("{}{}", tag.name, if tag.current { "" } else { " (invalidated)" }));
    }
    match value {
        Some(value) => line("value", &value.to_string()),
        None if with_value => line("value", "cannot be read without knowing its type"),
        None => {}
    }
    text
}

fn state(state: EntryState) -> &'static str {
    match state {
        EntryState::Fresh => "fresh",
        EntryState::Expired => "expired",
        EntryState::Invalidated => "invalidated",
        EntryState::Loading => "loading",
        _ => "unreadable",
    }
}

fn left(ttl: Ttl) -> String {
    match ttl {
        Ttl::Forever => "forever".into(),
        Ttl::For(time) => short(time),
    }
}

/// Formats a time for people, with two units at most.
fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{time:.1?}"),
        1..60 => format!("{:.1}s", time.as_secs_f64()),
        60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// Returns a pattern that matches only this text.
fn literal(text: &str) -> String {
    let special = |c| matches!(c, '*' | '?' | '[' | ']' | '\\' | '^');
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_taken_as_it_is() {
        assert_eq!(literal("a*b?[c]\\"), "a\\*b\\?\\[c\\]\\\\");
        assert_eq!(literal("user:1"), "user:1");
    }

    #[test]
    fn a_time_has_two_units_at_most() {
        let seconds = [0.0005, 1.25, 61.0, 3_661.0, 90_000.0];
        let texts = seconds.map(|seconds| short(Duration::from_secs_f64(seconds)));
        assert_eq!(texts, ["500.0µs", "1.2s", "1m01s", "1h01m", "1d01h"]);
    }
}
