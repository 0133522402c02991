//! The command that shows the use of memory of a program.

use std::time::Duration;

use serde_json::Value;

use crate::admin::{Endpoint, fetch};
use crate::args::AdminSource;
use crate::exit::{Exit, Failure};
use crate::output::Output;

pub(crate) fn advise(
    out: &mut Output,
    source: &AdminSource,
    patience: Duration,
) -> Result<Exit, Failure> {
    let endpoint = Endpoint { command: "advise", route: "/sizing" };
    let response: Value = serde_json::from_str(&fetch(&source.admin, endpoint, patience)?)
        .map_err(|error| endpoint.unreadable(&error.to_string()))?;
    let text = response["text"].as_str().ok_or_else(|| endpoint.unreadable("it has no `text`"))?;
    out.answer(&response, text)?;
    Ok(Exit::Done)
}
