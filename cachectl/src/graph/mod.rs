//! The graph of a program's annotated functions, as its admin endpoints return it.

mod connected;
pub(crate) mod dot;

use cache_syntax::nearest;
use serde::{Deserialize, Serialize};

use crate::admin::Endpoint;
use crate::exit::Failure;

pub(crate) const ENDPOINT: Endpoint = Endpoint { command: "graph", route: "/graph" };

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Graph {
    functions: Vec<Function>,
    edges: Vec<Edge>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Function {
    /// `cached`, `invalidate` or `put`.
    kind: String,
    module: String,
    function: String,
    path: String,
    file: String,
    line: u32,
    package: String,
    prefix: Option<String>,
    tags: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Edge {
    from: usize,
    to: usize,
    #[serde(flatten)]
    action: Action,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Action {
    Invalidates { by: Vec<Means> },
    Puts { by: Vec<Means> },
    Calls { count: u64, inherits: bool },
}

/// The text by which a function reaches another one.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Means {
    option: String,
    text: String,
}

impl Graph {
    /// Reads the response of `GET /graph`.
    pub(crate) fn read(json: &str) -> Result<Self, Failure> {
        let graph: Graph =
            serde_json::from_str(json).map_err(|error| ENDPOINT.unreadable(&error.to_string()))?;
        let ends = graph.edges.iter().flat_map(|edge| [edge.from, edge.to]);
        match ends.max() {
            Some(last) if last >= graph.functions.len() => {
                Err(ENDPOINT.unreadable(&format!("there is no function {last}")))
            }
            _ => Ok(graph),
        }
    }

    /// Returns the places of the functions that have this name or path.
    fn places_of(&self, name: &str) -> Result<Vec<usize>, Failure> {
        let functions = self.functions.iter().enumerate();
        let places = functions.filter(|(_, of)| of.is_called(name)).map(|(place, _)| place);
        let places: Vec<usize> = places.collect();
        if !places.is_empty() {
            return Ok(places);
        }
        let names = self.functions.iter().flat_map(|of| [&*of.function, &*of.path]);
        let meant = nearest(name, names).map(|name| format!(", did you mean {name:?}?"));
        let meant = meant.unwrap_or_default();
        Err(Failure::Usage(format!("the program has no annotated function {name:?}{meant}")))
    }
}

impl Function {
    fn is_called(&self, name: &str) -> bool {
        let above = self.path.strip_suffix(name);
        self.function == name
            || above.is_some_and(|above| above.is_empty() || above.ends_with("::"))
    }
}

impl Edge {
    /// Returns the function on which the other one depends, and that other one.
    fn flow(&self) -> (usize, usize) {
        match self.action {
            Action::Invalidates { .. } | Action::Puts { .. } => (self.from, self.to),
            Action::Calls { .. } => (self.to, self.from),
        }
    }
}

#[cfg(test)]
mod tests;
