//! The dashboard for Grafana queries only metrics that exist.

use std::collections::{BTreeMap, BTreeSet};

use cache_runtime::{CacheConfig, SourceLimit};
use serde_json::Value;

use super::{Admin, item};
use crate::source::Source;
use crate::stores::{Store, TestCache, on_store};

/// The labels that Prometheus adds to each sample.
const ADDED: [&str; 2] = ["instance", "job"];

fn dashboard() -> Value {
    serde_json::from_str(include_str!("../../../examples/grafana/dashboard.json")).unwrap()
}

/// Returns the labels of each metric in the text of `GET /metrics`.
fn printed(text: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut metrics = BTreeMap::<_, BTreeSet<_>>::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let names = labels.split(',').filter_map(|label| Some(label.split_once('=')?.0));
        metrics.entry(name).or_default().extend(names.chain(ADDED));
    }
    metrics
}

/// Each metric of a query, with the labels that choose among its series, and those by which sums are
/// made.
fn asked(query: &str) -> Vec<(String, BTreeSet<String>)> {
    // Text between quotes is not a name.
    let query: String = query.split('"').step_by(2).collect();
    let list = |text: &str| {
        let name = |label: &str| label.split(['=', '!']).next().unwrap().trim().to_owned();
        text.split(',').map(name).collect::<BTreeSet<_>>()
    };
    let sums: BTreeSet<_> = query
        .split(" by (")
        .skip(1)
        .flat_map(|rest| list(rest.split(')').next().unwrap()))
        .collect();
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let begins = query.match_indices("cache_").map(|(begin, _)| begin);
    begins
        .map(|begin| {
            let rest = &query[begin..];
            let (name, rest) = rest.split_at(rest.find(|c| !is_part(c)).unwrap_or(rest.len()));
            let chosen = rest.strip_prefix('{').map(|rest| list(rest.split('}').next().unwrap()));
            (name.to_owned(), chosen.into_iter().flatten().chain(sums.clone()).collect())
        })
        .collect()
}

/// All values under this key, however deep.
fn all<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key));
            fields.values().for_each(|value| all(value, key, found));
        }
        Value::Array(values) => values.iter().for_each(|value| all(value, key, found)),
        _ => {}
    }
}

fn texts<'a>(value: &'a Value, key: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    all(value, key, &mut found);
    found.into_iter().filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn every_query_is_about_metrics_and_labels_that_are_printed() {
    let with_source = |config: CacheConfig| config.source("db", SourceLimit::new(1).breaker(true));
    on_store(Store::Tiered, with_source, async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        item(&Source::new(1), 1).await;
        let answer = admin.get("/metrics").await;
        let metrics = printed(answer.ok().as_str().unwrap());
        let dashboard = dashboard();
        let mut shown = BTreeSet::new();
        let mut queries = texts(&dashboard, "expr");
        // Those of the variables.
        queries.extend(texts(&dashboard["templating"], "definition"));
        assert!(queries.len() > 40, "{queries:?}");
        for query in queries {
            let asked = asked(query);
            assert!(!asked.is_empty(), "{query}");
            for (name, labels) in asked {
                let printed =
                    metrics.get(name.as_str()).unwrap_or_else(|| panic!("{name}: {query}"));
                let unknown = labels.iter().find(|label| !printed.contains(label.as_str()));
                assert_eq!(unknown, None, "{query}");
                shown.insert(name);
            }
        }
        let not_shown: Vec<_> = metrics.keys().filter(|name| !shown.contains(**name)).collect();
        assert!(not_shown.is_empty(), "{not_shown:?}: metrics that the dashboard leaves out");
    })
    .await;
}

#[test]
fn the_labels_of_a_query_are_found() {
    let found = asked(r#"sum by (le, site) (rate(cache_a_bucket{site=~"x,y=1"}[5m])) / cache_b"#);
    let labels = || BTreeSet::from(["le".to_owned(), "site".to_owned()]);
    assert_eq!(found, [("cache_a_bucket".to_owned(), labels()), ("cache_b".to_owned(), labels())]);
}

#[test]
fn panels_have_an_id_of_their_own_and_the_chosen_data_source() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let queried = panels.iter().filter(|panel| panel["type"] != "row");
    for panel in queried {
        let sources = [&panel["datasource"]["uid"], &panel["targets"][0]["datasource"]["uid"]];
        assert_eq!(sources, ["${datasource}"; 2], "{}", panel["title"]);
    }
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<_> =
        variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["datasource", "instance", "prefix", "site"]);
}
