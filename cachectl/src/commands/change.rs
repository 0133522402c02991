//! The commands that change something.

use cache_runtime::CacheManager;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::unavailable;
use crate::args::Invalidate;
use crate::exit::{Exit, Failure};
use crate::output::{Output, printable};

pub(crate) async fn invalidate(
    manager: &CacheManager,
    out: &mut Output,
    targets: &Invalidate,
) -> Result<Exit, Failure> {
    let processes = audience(manager).await;
    let done = if targets.soft.is_some() { "invalidated softly" } else { "invalidated" };
    for prefix in &targets.prefix {
        match targets.soft {
            Some(window) => manager.invalidate_prefix_softly(prefix, window).await?,
            None => manager.invalidate_prefix(prefix).await?,
        }
        out.answer(
            &json!({ "invalidated": { "prefix": prefix }, "processes": processes }),
            format!("prefix {prefix}: {done}"),
        )?;
    }
    for tag in &targets.tag {
        match targets.soft {
            Some(window) => manager.invalidate_tag_softly(tag, window).await?,
            None => manager.invalidate_tag(tag).await?,
        }
        let answer = json!({ "invalidated": { "tag": tag }, "processes": processes });
        out.answer(&answer, format!("tag {tag}: {done}"))?;
    }
    for name in &targets.name {
        let was_there = manager.delete(name).await?;
        let text = match was_there {
            Some(true) => "removed",
            Some(false) => "there was no entry",
            None => "Redis did not answer in time, so it is unknown if there was an entry",
        };
        let done = json!({ "invalidated": { "name": name, "was_there": was_there }, "processes": processes });
        out.answer(&done, format!("{name}: {text}"))?;
    }
    tell_audience(manager, processes);
    Ok(Exit::Done)
}

/// Returns the number of processes that have reported recently and so receive a change; `None` if it is
/// unknown.
async fn audience(manager: &CacheManager) -> Option<u64> {
    manager.fleet_stats().await.map(|stats| stats.instances)
}

/// Prints a note for people about the number of processes that receive the change.
fn tell_audience(manager: &CacheManager, processes: Option<u64>) {
    let namespace = &manager.config().namespace;
    match processes {
        None => {}
        Some(0) => eprintln!(
            "cachectl: no process has reported to the namespace {namespace:?} in the last two minutes; if it is not the \
             one that is meant, give another with --namespace or CACHE_NAMESPACE"
        ),
        Some(1) => eprintln!("cachectl: 1 process uses the namespace {namespace:?}"),
        Some(n) => eprintln!("cachectl: {n} processes use the namespace {namespace:?}"),
    }
}

/// Prints the names that would be removed.
pub(crate) async fn would_clear(
    manager: &CacheManager,
    out: &mut Output,
    pattern: &str,
) -> Result<Exit, Failure> {
    let mut names = manager.names(pattern)?;
    let mut count = 0_u64;
    while let Some(page) = names.next().await {
        count += page.len() as u64;
        if !out.is_json() {
            page.iter().try_for_each(|name| out.line(printable(name)))?;
        }
    }
    if !names.is_complete() {
        return Err(unavailable(manager).await);
    }
    out.answer(&json!({ "would_remove": count }), format!("{count} would be removed"))?;
    Ok(Exit::Done)
}

pub(crate) async fn clear(
    manager: &CacheManager,
    out: &mut Output,
    pattern: &str,
) -> Result<Exit, Failure> {
    if pattern.chars().all(|c| c == '*') && !pattern.is_empty() {
        return Err(Failure::Usage(format!(
            "{pattern:?} matches everything in the namespace; to remove all of it, use `cachectl flush --yes`"
        )));
    }
    scan(manager, out, pattern).await
}

pub(crate) async fn flush(
    manager: &CacheManager,
    out: &mut Output,
    yes: bool,
) -> Result<Exit, Failure> {
    if !yes {
        return Err(Failure::Usage(format!(
            "this removes everything in the namespace {:?}; to confirm, add --yes",
            manager.config().namespace
        )));
    }
    scan(manager, out, "*").await
}

/// Removes the matching entries, with a progress bar.
async fn scan(manager: &CacheManager, out: &mut Output, pattern: &str) -> Result<Exit, Failure> {
    // The bar draws nothing if the output is not a terminal.
    let bar = ProgressBar::new(1_000);
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg} removed  {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let processes = audience(manager).await;
    let mut part = 0.0;
    let removed = manager
        .clear_with(pattern, |progress| {
            bar.set_position((progress.part * 1_000.0) as u64);
            bar.set_message(progress.removed.to_string());
            part = progress.part;
        })
        .await?;
    bar.finish_and_clear();
    if part < 1.0 {
        return Err(Failure::CutShort);
    }
    let done = json!({ "removed": removed, "processes": processes });
    out.answer(&done, format!("{removed} removed"))?;
    tell_audience(manager, processes);
    Ok(Exit::Done)
}
