//! Diagnoses a Redis, and an outbox.

use std::time::Duration;

use cache_runtime::{Diagnostic, OutboxLag, Severity};
use serde::Serialize;

use crate::connect::Connection;
use crate::exit::{Exit, Failure};
use crate::outbox::{Address, Lag, open};
use crate::output::{Output, printable};

/// The age from which a row in the outbox is a fault. A relay takes a second, and Redis may be restarted.
const OLD: Duration = Duration::from_secs(60);

/// The result of one check.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    severity: Severity,
    found: String,
    advice: Option<String>,
}

pub(crate) async fn doctor(
    connection: &Connection,
    out: &mut Output,
    database: Option<&str>,
    patience: Duration,
) -> Result<Exit, Failure> {
    let address = database.map(|url| Address::new(Some(url), patience)).transpose()?;
    let diagnostics = connection.prepare()?.diagnose().await;
    let mut checks: Vec<_> = diagnostics.into_iter().map(Check::from).collect();
    if let Some(address) = address {
        checks.extend(outbox(&address).await?);
    }
    let mut text = String::new();
    for check in &checks {
        let severity = match check.severity {
            Severity::Good => "good",
            Severity::Warning => "warning",
            _ => "FAULT",
        };
        text += &format!("{severity:8} {:14} {}\n", check.name, printable(&check.found));
        if let Some(advice) = &check.advice {
            text += &format!("{:23} -> {}\n", "", printable(advice));
        }
    }
    let count = |severity| checks.iter().filter(|check| check.severity == severity).count();
    let (faults, warnings) = (count(Severity::Fault), count(Severity::Warning));
    text += &format!("{} checks, {faults} faults, {warnings} warnings", checks.len());
    out.answer(&checks, text)?;
    Ok(if faults == 0 { Exit::Done } else { Exit::No })
}

/// Checks the outbox. An error is one of the arguments.
async fn outbox(address: &Address) -> Result<Vec<Check>, Failure> {
    let lag = match open(address).await {
        Ok(outbox) => outbox.lag().await,
        Err(failure) => Err(failure),
    };
    let fault = |found: String, advice: String| Check {
        name: "outbox",
        severity: Severity::Fault,
        found,
        advice: Some(advice),
    };
    match lag {
        Ok(lag) => Ok(vec![waiting(&lag), poisoned(&lag)]),
        Err(Failure::NoOutbox) => {
            let (name, client) = (address.dialect.feature(), address.dialect.client());
            Ok(vec![fault(
                "the database has no table `cache_outbox`, or it is in another schema".to_owned(),
                format!("create it: cachectl outbox sql --{name} | {client} .."),
            )])
        }
        Err(Failure::NoDatabase(reason)) => Ok(vec![fault(
            format!("the database cannot be used: {reason}"),
            "check --database or DATABASE_URL, and the rights of the user".to_owned(),
        )]),
        Err(failure) => Err(failure),
    }
}

fn waiting(lag: &OutboxLag) -> Check {
    let is_old = lag.oldest.is_some_and(|age| age > OLD);
    let advice = "no relay applies them: run `cachectl relay`, or `cache_sqlx::relay` in a program, with the namespace of \
                  the rows, and see its log";
    Check {
        name: "outbox",
        severity: if is_old { Severity::Fault } else { Severity::Good },
        found: Lag(lag).waiting(),
        advice: is_old.then(|| advice.to_owned()),
    }
}

fn poisoned(lag: &OutboxLag) -> Check {
    let is_poisoned = lag.poisoned > 0;
    let advice = "the column `failure` has the reasons: `select * from cache_outbox where failures > 0`; delete the rows, or \
                  correct them and set `failures` to 0";
    Check {
        name: "poisoned rows",
        severity: if is_poisoned { Severity::Warning } else { Severity::Good },
        found: Lag(lag).poison(),
        advice: is_poisoned.then(|| advice.to_owned()),
    }
}

impl From<Diagnostic> for Check {
    fn from(of: Diagnostic) -> Self {
        Check { name: of.name, severity: of.severity, found: of.found, advice: of.advice }
    }
}
