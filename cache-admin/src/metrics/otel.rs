#![doc = include_str!("../../docs/otel.md")]

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cache_runtime::{CacheManager, Latencies, SiteStats, Stats};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter};

use super::{FAMILIES, Family, Kind, Label, Values, gates, le};

/// The time for which a reading of the statistics is shared. A collection takes less.
const SHARED: Duration = Duration::from_secs(1);

/// Makes the instruments of a cache, which are read at each collection until what is returned is
/// dropped. See the [module's docs](self).
#[must_use = "nothing is observed any more once it is dropped"]
pub fn observe(manager: &CacheManager, meter: &Meter) -> Observed {
    let observed = Observed(Arc::new(Sample::new(manager.clone())));
    for family in &FAMILIES {
        observed.family(meter, family);
    }
    observed
}

/// Keeps a cache observed, and with it the [`CacheManager`].
///
/// The instruments hold the manager only through this, since the API has no way to take them back: once
/// it is dropped they stay, report nothing, and keep nothing alive.
pub struct Observed(Arc<Sample>);

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observed").field(&self.0.manager).finish()
    }
}

impl Observed {
    fn family(&self, meter: &Meter, family: &'static Family) {
        match family.values {
            Values::Sites(kind, parts) => {
                let instrument = Instrument::of(family, kind);
                self.instrument(meter, instrument, move |stats, out| {
                    for site in &stats.sites {
                        for (label, number) in parts {
                            out.observe(number(site), &attributes(site, *label));
                        }
                    }
                });
            }
            Values::Cache(kind, number) => {
                let instrument = Instrument::of(family, kind);
                self.instrument(meter, instrument, move |stats, out| {
                    out.observe(number(stats), &[]);
                });
            }
            Values::Sources(kind, number) => {
                let instrument = Instrument::of(family, kind);
                self.instrument(meter, instrument, move |stats, out| {
                    for gate in gates(stats) {
                        let name = KeyValue::new("cache.source", gate.name.clone());
                        out.observe(number(gate), &[name]);
                    }
                });
            }
            // A callback cannot wait for Redis.
            Values::Healths(..) => {}
            Values::SiteTimes(times) => self.times(meter, family, move |stats, out| {
                stats.sites.iter().for_each(|site| out(&attributes(site, None), times(site)));
            }),
            Values::CacheTimes(times) => {
                self.times(meter, family, move |stats, out| out(&[], times(stats)));
            }
        }
    }

    /// Adds durations as counters, because a histogram cannot be observed.
    fn times(
        &self,
        meter: &Meter,
        family: &'static Family,
        each: impl Fn(&Stats, &mut dyn FnMut(&[KeyValue], &Latencies)) + Copy + Send + Sync + 'static,
    ) {
        let part = |part, unit| Instrument {
            name: format!("{}.{part}", family.otel),
            unit,
            ..Instrument::of(family, Kind::Counter)
        };
        self.instrument(meter, part("bucket", family.unit), move |stats, out| {
            each(stats, &mut |attributes, times| {
                let mut attributes = attributes.to_vec();
                for (bound, count) in times.cumulative() {
                    attributes.push(KeyValue::new("le", le(bound)));
                    out.observe(count as f64, &attributes);
                    attributes.pop();
                }
            });
        });
        self.instrument(meter, part("sum", "s"), move |stats, out| {
            each(stats, &mut |attributes, times| {
                out.observe(times.sum().as_secs_f64(), attributes)
            });
        });
        self.instrument(meter, part("count", family.unit), move |stats, out| {
            each(stats, &mut |attributes, times| out.observe(times.count() as f64, attributes));
        });
    }

    fn instrument(
        &self,
        meter: &Meter,
        Instrument { name, unit, help, kind }: Instrument,
        numbers: impl Fn(&Stats, &dyn AsyncInstrument<f64>) + Send + Sync + 'static,
    ) {
        let (source, seen) = (Arc::downgrade(&self.0), AtomicU64::new(0));
        let callback = move |out: &dyn AsyncInstrument<f64>| {
            if let Some(source) = source.upgrade() {
                numbers(&source.read(&seen), out);
            }
        };
        // The instruments need not be kept: the meter owns the callback.
        match kind {
            Kind::Counter => {
                let builder = meter.f64_observable_counter(name).with_unit(unit);
                builder.with_description(help).with_callback(callback).build();
            }
            Kind::Amount => {
                let builder = meter.f64_observable_up_down_counter(name).with_unit(unit);
                builder.with_description(help).with_callback(callback).build();
            }
            Kind::State => {
                let builder = meter.f64_observable_gauge(name).with_unit(unit);
                builder.with_description(help).with_callback(callback).build();
            }
        }
    }
}

/// The description of an instrument for a meter.
struct Instrument {
    name: String,
    unit: &'static str,
    help: &'static str,
    kind: Kind,
}

impl Instrument {
    fn of(family: &Family, kind: Kind) -> Self {
        Instrument { name: family.otel.to_owned(), unit: family.unit, help: family.help, kind }
    }
}

/// A cache, and the last reading of its statistics.
struct Sample {
    manager: CacheManager,
    last: Mutex<Reading>,
}

/// The statistics at one moment.
struct Reading {
    number: u64,
    taken: Instant,
    stats: Arc<Stats>,
}

impl Sample {
    fn new(manager: CacheManager) -> Self {
        // The number 0 stands for no reading. Every instrument begins with it.
        let none = Reading { number: 0, taken: Instant::now(), stats: Arc::default() };
        Sample { manager, last: Mutex::new(none) }
    }

    /// Returns the statistics for an instrument, newer than the reading `seen`, which it got last.
    ///
    /// The start of a collection is not announced, but it calls each instrument once. So an instrument that
    /// has had the last reading takes a new one, and the others share it. This holds for any number of
    /// readers, and for views that leave out instruments.
    fn read(&self, seen: &AtomicU64) -> Arc<Stats> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = seen.load(Ordering::Relaxed);
        let is_new = |last: &Reading| last.number > before && last.taken.elapsed() < SHARED;
        if !is_new(&last) {
            *last = Reading {
                number: last.number + 1,
                taken: Instant::now(),
                stats: Arc::new(self.manager.stats()),
            };
        }
        seen.store(last.number, Ordering::Relaxed);
        Arc::clone(&last.stats)
    }
}

/// Returns the attributes of a call site, with those of the label if there is one.
fn attributes(site: &SiteStats, label: Option<Label>) -> Vec<KeyValue> {
    // There is one more place, for the bound of a bucket.
    let mut attributes = Vec::with_capacity(3);
    attributes.push(KeyValue::new("cache.site", site.name.clone()));
    attributes.push(KeyValue::new("cache.prefix", site.prefix.clone()));
    attributes.extend(label.map(|(key, value)| KeyValue::new(format!("cache.{key}"), value)));
    attributes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test")]
    use super::*;

    #[test]
    fn every_metric_is_in_the_docs() {
        let docs = include_str!("../../docs/otel.md");
        for Family { prometheus, otel, unit, .. } in &FAMILIES {
            let row = docs.lines().find(|line| line.contains(&format!("`{prometheus}`"))).unwrap();
            assert!(row.contains(&format!("`{otel}")), "{otel}: {row}");
            assert!(row.contains(&format!("`{unit}`")), "{unit}: {row}");
        }
    }

    #[test]
    fn a_reading_is_shared_until_an_instrument_asks_again() {
        let manager = CacheManager::builder().build().unwrap();
        let source = Sample::new(manager);
        let [one, other] = [AtomicU64::new(0), AtomicU64::new(0)];
        let first = source.read(&one);
        assert!(Arc::ptr_eq(&first, &source.read(&other)));
        let second = source.read(&other);
        assert!(!Arc::ptr_eq(&first, &second));
        assert!(Arc::ptr_eq(&second, &source.read(&one)));
    }
}
