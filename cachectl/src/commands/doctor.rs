//! What is wrong with a Redis.

use cache_runtime::Grade;

use crate::connect::Connection;
use crate::exit::{Exit, Failure};
use crate::output::{Output, printable};

pub(crate) async fn doctor(connection: &Connection, out: &mut Output) -> Result<Exit, Failure> {
    let checks = connection.prepare()?.diagnose().await;
    let mut text = String::new();
    for check in &checks {
        let grade = match check.grade {
            Grade::Good => "good",
            Grade::Warning => "warning",
            _ => "FAULT",
        };
        text += &format!("{grade:8} {:14} {}\n", check.name, printable(&check.found));
        if let Some(advice) = &check.advice {
            text += &format!("{:23} -> {}\n", "", printable(advice));
        }
    }
    let count = |grade| checks.iter().filter(|check| check.grade == grade).count();
    let (faults, warnings) = (count(Grade::Fault), count(Grade::Warning));
    text += &format!("{} checks, {faults} faults, {warnings} warnings", checks.len());
    out.answer(&checks, text)?;
    Ok(if faults == 0 { Exit::Done } else { Exit::No })
}
