//! The text format of Prometheus.
//!
//! A thousand call sites make about 50,000 lines, so their common parts are made once: the labels of a site,
//! and the bounds of a histogram.

use std::fmt::Write as _;

use cache_runtime::{Health, Latencies, SiteStats, Stats};

use super::{FAMILIES, Family, Kind, Values, gates, le};

pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The maximum up to which all whole numbers are exact in an `f64`.
const EXACT: f64 = (1_u64 << 53) as f64;

/// Returns all metrics as text.
pub(crate) fn text(stats: &Stats, health: &Health) -> String {
    let mut out = Text {
        out: String::new(),
        sites: stats.sites.iter().map(labels).collect(),
        bounds: Latencies::default()
            .cumulative()
            .map(|(bound, _)| label("le", &le(bound)))
            .collect(),
    };
    for family in &FAMILIES {
        out.family(family, stats, health);
    }
    out.out
}

struct Text {
    out: String,
    /// The labels of each call site.
    sites: Vec<String>,
    /// The labels of the buckets of a histogram.
    bounds: Vec<String>,
}

impl Text {
    fn family(&mut self, family: &Family, stats: &Stats, health: &Health) {
        let Text { out, sites, bounds } = self;
        let name = family.prometheus;
        let (kind, help) = (family.values.kind(), family.help);
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        let sites = sites.iter().map(String::as_str).zip(&stats.sites);
        match family.values {
            Values::Sites(_, parts) => {
                let part = |(key, value)| label(key, value);
                let parts =
                    parts.iter().map(|(own, number)| (own.map_or_else(String::new, part), number));
                let parts: Vec<_> = parts.collect();
                for (labels, site) in sites {
                    for (own, number) in &parts {
                        line(out, [name, ""], [labels, own], number(site));
                    }
                }
            }
            Values::Cache(_, number) => line(out, [name, ""], ["", ""], number(stats)),
            Values::Healths(_, number) => line(out, [name, ""], ["", ""], number(health)),
            Values::Sources(_, number) => {
                for gate in gates(stats) {
                    let name_of = label("source", &escaped(&gate.name));
                    line(out, [name, ""], [&name_of, ""], number(gate));
                }
            }
            Values::SiteTimes(times) => {
                for (labels, site) in sites {
                    histogram(out, bounds, name, labels, times(site));
                }
            }
            Values::CacheTimes(times) => histogram(out, bounds, name, "", times(stats)),
        }
    }
}

fn histogram(out: &mut String, bounds: &[String], name: &str, labels: &str, times: &Latencies) {
    for (bound, (_, count)) in bounds.iter().zip(times.cumulative()) {
        line(out, [name, "_bucket"], [labels, bound], count as f64);
    }
    line(out, [name, "_sum"], [labels, ""], times.sum().as_secs_f64());
    line(out, [name, "_count"], [labels, ""], times.count() as f64);
}

/// Writes one number. The parts of the name are joined. The labels that are not empty are separated by a
/// comma.
fn line(out: &mut String, name: [&str; 2], labels: [&str; 2], value: f64) {
    out.extend(name);
    match labels {
        ["", ""] => {}
        [one, ""] | ["", one] => out.extend(["{", one, "}"]),
        [one, other] => out.extend(["{", one, ",", other, "}"]),
    }
    // Most numbers are counts. Writing a whole number takes a fifth of the time.
    let _ = if (0.0..=EXACT).contains(&value) && value.fract() == 0.0 {
        writeln!(out, " {}", value as u64)
    } else {
        writeln!(out, " {value}")
    };
}

impl Values {
    fn kind(&self) -> &'static str {
        match self {
            Values::Sites(kind, _)
            | Values::Cache(kind, _)
            | Values::Healths(kind, _)
            | Values::Sources(kind, _) => match kind {
                Kind::Counter => "counter",
                Kind::Amount | Kind::State => "gauge",
            },
            Values::SiteTimes(_) | Values::CacheTimes(_) => "histogram",
        }
    }
}

/// Returns the labels of a call site.
fn labels(site: &SiteStats) -> String {
    format!("{},{}", label("site", &escaped(&site.name)), label("prefix", &escaped(&site.prefix)))
}

fn label(key: &str, value: &str) -> String {
    format!("{key}=\"{value}\"")
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_as_display_writes_it() {
        for value in [0.0, 1.0, 0.5, -1.0, EXACT - 1.0, EXACT, 1e20, 0.1, f64::MAX, f64::NAN] {
            let mut out = String::new();
            line(&mut out, ["name", "_sum"], ["a=\"1\"", ""], value);
            assert_eq!(out, format!("name_sum{{a=\"1\"}} {value}\n"));
        }
    }

    #[test]
    fn labels_that_are_not_empty_stand_in_braces() {
        for (labels, expected) in [
            (["", ""], "n 1\n"),
            (["", "le=\"2\""], "n{le=\"2\"} 1\n"),
            (["a=\"1\"", "b=\"2\""], "n{a=\"1\",b=\"2\"} 1\n"),
        ] {
            let mut out = String::new();
            line(&mut out, ["n", ""], labels, 1.0);
            assert_eq!(out, expected);
        }
    }
}
