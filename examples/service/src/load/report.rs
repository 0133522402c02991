//! The durations of requests, by endpoint.

use std::time::Duration;
use std::{fmt, io};

use hdrhistogram::Histogram;

use super::Endpoint;

/// The result of a load.
#[derive(Clone, Debug)]
pub struct Report {
    /// The duration of the load.
    pub took: Duration,
    /// The requested rate.
    pub rate: Option<f64>,
    /// The number of requests that began late because all connections were busy.
    pub late: u64,
    rows: Vec<Row>,
    /// The first failure in words.
    first_error: Option<String>,
}

/// One endpoint.
#[derive(Clone, Debug)]
struct Row {
    endpoint: Endpoint,
    /// In microseconds, of the requests that succeeded.
    times: Histogram<u64>,
    errors: u64,
}

impl Default for Report {
    fn default() -> Self {
        let row = |(endpoint, _)| Row { endpoint, times: histogram(), errors: 0 };
        let rows = Endpoint::ALL.into_iter().map(row).collect();
        Report { took: Duration::ZERO, rate: None, late: 0, rows, first_error: None }
    }
}

/// From a microsecond to a minute, with three digits.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3)
        .unwrap_or_else(|_| unreachable!("these bounds are in order"))
}

impl Report {
    pub(crate) fn record(&mut self, endpoint: Endpoint, took: Duration, error: Option<io::Error>) {
        let Some(row) = self.rows.iter_mut().find(|row| row.endpoint == endpoint) else { return };
        match error {
            None => row.times.saturating_record(micros(took)),
            Some(error) => {
                row.errors += 1;
                self.first_error.get_or_insert_with(|| error.to_string());
            }
        }
    }

    /// Returns the number of successful requests.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.rows.iter().map(|row| row.times.len()).sum()
    }

    /// Returns the number of failed requests.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.rows.iter().map(|row| row.errors).sum()
    }

    /// The time within which this part of an endpoint's requests was answered, such as 0.99 of them;
    /// `None` if there were none.
    #[must_use]
    pub fn within(&self, endpoint: Endpoint, part: f64) -> Option<Duration> {
        let row = self.rows.iter().find(|row| row.endpoint == endpoint)?;
        let micros = row.times.value_at_quantile(part);
        (!row.times.is_empty()).then(|| Duration::from_micros(micros))
    }

    /// Returns the faults, if 99 of 100 requests must be answered within a limit and none may fail.
    #[must_use]
    pub fn faults(&self, limit: Duration) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(error) = &self.first_error {
            faults.push(format!("{} requests failed; the first: {error}", self.errors()));
        }
        for (endpoint, _) in Endpoint::ALL.into_iter().filter(|(each, _)| each.is_limited()) {
            match self.within(endpoint, 0.99) {
                None => faults.push(format!("{} was never answered", endpoint.name())),
                Some(p99) if p99 > limit => {
                    faults.push(format!("{}: p99 is {p99:?}, above {limit:?}", endpoint.name()));
                }
                Some(_) => {}
            }
        }
        faults
    }

    /// All endpoints together, for a load that goes on.
    pub(crate) fn in_a_line(&self, lasting: Duration) -> String {
        let all = self.all();
        let quantile = |part| millis(all.times.value_at_quantile(part));
        let first = self.first_error.as_deref().map(|error| format!("; {error}"));
        format!(
            "{} requests in {lasting:?}, p50 {}, p99 {}, max {} ms, {} errors{}",
            all.times.len(),
            quantile(0.5),
            quantile(0.99),
            quantile(1.0),
            all.errors,
            first.unwrap_or_default()
        )
    }

    fn all(&self) -> Row {
        let mut all = Row { endpoint: Endpoint::Video, times: histogram(), errors: self.errors() };
        for row in &self.rows {
            // All have the same bounds, so that nothing can be out of them.
            _ = all.times.add(&row.times);
        }
        all
    }

    fn line(&self, f: &mut fmt::Formatter<'_>, name: &str, row: &Row) -> fmt::Result {
        let Row { times, errors, .. } = row;
        #[allow(clippy::cast_precision_loss, reason = "counts are small")]
        let rate = times.len() as f64 / self.took.as_secs_f64().max(1e-9);
        write!(f, "{name:<32} {:>9} {rate:>11.1}", times.len())?;
        for part in [0.5, 0.9, 0.99, 1.0] {
            write!(f, " {:>9}", millis(times.value_at_quantile(part)))?;
        }
        writeln!(f, " {errors:>7}")
    }
}

/// A table; times are in milliseconds.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rate {
            Some(rate) => writeln!(
                f,
                "{rate} requests a second for {:.1?}; times in ms, from when each was due.",
                self.took
            )?,
            None => writeln!(
                f,
                "A closed loop for {:.1?}: each connection waits for its answer; times in ms.",
                self.took
            )?,
        }
        let [endpoint, requests, rate] = ["endpoint", "requests", "requests/s"];
        let [p50, p90, p99, max, errors] = ["p50", "p90", "p99", "max", "errors"];
        writeln!(
            f,
            "{endpoint:<32} {requests:>9} {rate:>11} {p50:>9} {p90:>9} {p99:>9} {max:>9} {errors:>7}"
        )?;
        for row in &self.rows {
            self.line(f, row.endpoint.name(), row)?;
        }
        self.line(f, "all", &self.all())?;
        if self.late > 0 {
            writeln!(f, "{} requests began late, since all connections were busy.", self.late)?;
        }
        if let Some(error) = &self.first_error {
            writeln!(f, "The first error: {error}")?;
        }
        Ok(())
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn millis(micros: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "it is for people")]
    let millis = micros as f64 / 1e3;
    format!("{millis:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(millis: std::ops::RangeInclusive<u64>) -> Report {
        let mut report = Report { took: Duration::from_secs(1), ..Report::default() };
        for (endpoint, _) in Endpoint::ALL {
            for time in millis.clone() {
                report.record(endpoint, Duration::from_millis(time), None);
            }
        }
        report
    }

    #[test]
    fn percentiles_are_those_of_the_endpoint() {
        let report = with(1..=100);
        let p99 = report.within(Endpoint::Search, 0.99).unwrap_or_default().as_secs_f64();
        assert!((p99 - 0.099).abs() < 0.000_1, "{p99}");
        assert_eq!(report.requests(), 900);
        assert_eq!(Report::default().within(Endpoint::Search, 0.99), None);
    }

    #[test]
    fn a_slow_endpoint_is_a_fault_and_a_slow_api_is_none() {
        let limit = Duration::from_millis(100);
        let mut report = with(1..=100);
        assert_eq!(report.faults(limit), Vec::<String>::new());
        for _ in 0..10 {
            report.record(Endpoint::Analysis, Duration::from_millis(300), None);
            report.record(Endpoint::Popular, Duration::from_millis(300), None);
        }
        let faults = report.faults(limit);
        assert!(
            matches!(&faults[..], [one] if one.starts_with("GET /popular: p99 is")),
            "{faults:?}"
        );
    }

    #[test]
    fn errors_are_faults_and_no_times() {
        let mut report = with(1..=1);
        report.record(Endpoint::View, Duration::ZERO, Some(io::Error::other("gone")));
        assert_eq!((report.requests(), report.errors()), (9, 1));
        let faults = report.faults(Duration::from_secs(1));
        assert_eq!(faults, ["1 requests failed; the first: gone"]);
        assert!(report.to_string().contains("The first error: gone"));
    }
}
