//! The command that prints the dependencies of a program's annotated functions.

use std::env;
use std::io::{Read as _, stdin};
use std::time::Duration;

use crate::admin::AdminUrl;
use crate::args::GraphSource;
use crate::exit::{Exit, Failure};
use crate::graph::Graph;
use crate::graph::dot::Dot;
use crate::output::Output;

pub(crate) fn graph(
    out: &mut Output,
    source: &GraphSource,
    patience: Duration,
) -> Result<Exit, Failure> {
    let graph = Graph::read(&response(&source.admin, patience)?)?;
    let graph = match &source.function {
        Some(function) => graph.connected_with(function)?,
        None => graph,
    };
    out.answer(&graph, Dot(&graph))?;
    Ok(Exit::Done)
}

fn response(admin: &str, patience: Duration) -> Result<String, Failure> {
    if admin == "-" {
        let mut response = String::new();
        let read = stdin().lock().read_to_string(&mut response);
        read.map_err(|error| Failure::Usage(format!("standard input cannot be read: {error}")))?;
        return Ok(response);
    }
    let key = env::var("CACHE_ADMIN_KEY").ok().filter(|key| !key.is_empty());
    if key.as_ref().is_some_and(|key| key.contains(char::is_control)) {
        return Err(Failure::Usage("CACHE_ADMIN_KEY has a control character in it".to_owned()));
    }
    AdminUrl::parse(admin)?.get("/graph", key.as_deref(), patience)
}
