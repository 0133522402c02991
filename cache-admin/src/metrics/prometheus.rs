//! The text format of Prometheus.

use std::fmt::{Display, Write as _};

use cache_runtime::{Health, Latencies, SiteStats, Stats};

use super::{FAMILIES, Family, Kind, Label, Values, le};

pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Returns all metrics as text.
pub(crate) fn text(stats: &Stats, health: &Health) -> String {
    let mut out = Text::default();
    for family in &FAMILIES {
        out.family(family, stats, health);
    }
    out.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, family: &Family, stats: &Stats, health: &Health) {
        let name = family.prometheus;
        let (kind, help) = (family.values.kind(), family.help);
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        match family.values {
            Values::Sites(_, parts) => {
                for site in &stats.sites {
                    for (label, number) in parts {
                        self.line(name, &labels(site, *label), number(site));
                    }
                }
            }
            Values::Cache(_, number) => self.line(name, "", number(stats)),
            Values::Healths(_, number) => self.line(name, "", number(health)),
            Values::SiteTimes(times) => {
                for site in &stats.sites {
                    self.histogram(name, &labels(site, None), times(site));
                }
            }
            Values::CacheTimes(times) => self.histogram(name, "", times(stats)),
        }
    }

    fn line(&mut self, name: impl Display, labels: &str, value: f64) {
        let _ = match labels {
            "" => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }

    fn histogram(&mut self, name: &str, labels: &str, times: &Latencies) {
        let and = if labels.is_empty() { "" } else { "," };
        for (bound, count) in times.cumulative() {
            let labels = format!("{labels}{and}le=\"{}\"", le(bound));
            self.line(format_args!("{name}_bucket"), &labels, count as f64);
        }
        self.line(format_args!("{name}_sum"), labels, times.sum().as_secs_f64());
        self.line(format_args!("{name}_count"), labels, times.count() as f64);
    }
}

impl Values {
    fn kind(&self) -> &'static str {
        match self {
            Values::Sites(kind, _) | Values::Cache(kind, _) | Values::Healths(kind, _) => {
                match kind {
                    Kind::Counter => "counter",
                    Kind::Amount | Kind::State => "gauge",
                }
            }
            Values::SiteTimes(_) | Values::CacheTimes(_) => "histogram",
        }
    }
}

/// Returns the labels of a call site, and one more if there is one.
fn labels(site: &SiteStats, label: Option<Label>) -> String {
    let (name, prefix) = (escaped(&site.name), escaped(&site.prefix));
    let own = format!("site=\"{name}\",prefix=\"{prefix}\"");
    match label {
        None => own,
        Some((key, value)) => format!("{own},{key}=\"{value}\""),
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
