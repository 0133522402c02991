//! The command that prints the dependencies of a program's annotated functions.

use std::time::Duration;

use crate::admin::fetch;
use crate::args::GraphSource;
use crate::exit::{Exit, Failure};
use crate::graph::dot::Dot;
use crate::graph::{ENDPOINT, Graph};
use crate::output::Output;

pub(crate) fn graph(
    out: &mut Output,
    from: &GraphSource,
    patience: Duration,
) -> Result<Exit, Failure> {
    let graph = Graph::read(&fetch(&from.source.admin, ENDPOINT, patience)?)?;
    let graph = match &from.function {
        Some(function) => graph.connected_with(function)?,
        None => graph,
    };
    out.answer(&graph, Dot(&graph))?;
    Ok(Exit::Done)
}
