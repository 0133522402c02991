//! Diagnoses a Redis.

use cache_runtime::Severity;

use crate::connect::Connection;
use crate::exit::{Exit, Failure};
use crate::output::{Output, printable};

pub(crate) async fn doctor(connection: &Connection, out: &mut Output) -> Result<Exit, Failure> {
    let diagnostics = connection.prepare()?.diagnose().await;
    let mut text = String::new();
    for diagnostic in &diagnostics {
        let severity = match diagnostic.severity {
            Severity::Good => "good",
            Severity::Warning => "warning",
            _ => "FAULT",
        };
        text += &format!("{severity:8} {:14} {}\n", diagnostic.name, printable(&diagnostic.found));
        if let Some(advice) = &diagnostic.advice {
            text += &format!("{:23} -> {}\n", "", printable(advice));
        }
    }
    let count =
        |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let (faults, warnings) = (count(Severity::Fault), count(Severity::Warning));
    text += &format!("{} checks, {faults} faults, {warnings} warnings", diagnostics.len());
    out.answer(&diagnostics, text)?;
    Ok(if faults == 0 { Exit::Done } else { Exit::No })
}
