//! A graph in the language of Graphviz.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use super::{Action, Edge, Function, Graph, Means};

const HEAD: &str = "\
digraph cache {
  rankdir=LR;
  graph [fontname=\"sans-serif\", fontsize=11, color=\"#d8dde4\", style=rounded];
  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\", fontsize=10];
  edge [fontname=\"sans-serif\", fontsize=8];";

/// A graph as text for Graphviz. An arrow leads to the function whose values depend on the other one; a dashed arrow does
/// not pass invalidations on.
pub(crate) struct Dot<'a>(pub(crate) &'a Graph);

impl Display for Dot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}")?;
        for (number, (title, places)) in self.0.clusters().into_iter().enumerate() {
            writeln!(f, "  subgraph cluster_{number} {{\n    label={};", Quoted(title))?;
            for place in places {
                writeln!(f, "    n{place} {};", Node(&self.0.functions[place]))?;
            }
            writeln!(f, "  }}")?;
        }
        for edge in &self.0.edges {
            let (left, right) = edge.flow();
            writeln!(f, "  n{left} -> n{right} {};", Arrow(edge))?;
        }
        f.write_str("}")
    }
}

impl Graph {
    /// Returns the places of the functions by the first part of their prefixes.
    fn clusters(&self) -> BTreeMap<&str, Vec<usize>> {
        let mut clusters = BTreeMap::<_, Vec<usize>>::new();
        for place in 0..self.functions.len() {
            clusters.entry(self.cluster_of(place)).or_default().push(place);
        }
        clusters
    }

    /// A function without a prefix is beside the first one that it reaches.
    fn cluster_of(&self, place: usize) -> &str {
        let reached = || {
            let edge = self.edges.iter().find(|edge| edge.flow().0 == place)?;
            self.functions[edge.flow().1].prefix.as_deref()
        };
        let prefix = self.functions[place].prefix.as_deref().or_else(reached).unwrap_or_default();
        prefix.split([':', '{']).next().unwrap_or_default()
    }
}

/// The attributes of a function.
struct Node<'a>(&'a Function);

impl Display for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Function { kind, path, file, line, prefix, tags, .. } = self.0;
        let colour = match kind.as_str() {
            "cached" => "#dff3e3",
            "put" => "#fbf0d4",
            _ => "#fbe3e4",
        };
        let mut tip = format!("{path} ({file}:{line})");
        for name in prefix.iter().chain(tags) {
            tip = tip + "\n" + name;
        }
        let (label, tip) = (self.0.label(), Quoted(&tip));
        write!(f, "[label={}, tooltip={tip}, fillcolor=\"{colour}\"]", Quoted(&label))
    }
}

impl Function {
    /// Returns the path without all modules but the last.
    fn label(&self) -> String {
        let inside = self.path.strip_prefix(&*self.module).and_then(|path| path.strip_prefix("::"));
        match (inside, self.module.rsplit("::").next()) {
            (Some(inside), Some(last)) => format!("{last}::{inside}"),
            _ => self.path.clone(),
        }
    }
}

/// The attributes of an edge.
struct Arrow<'a>(&'a Edge);

impl Display for Arrow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.action {
            Action::Invalidates { by } => {
                write!(f, "[label={}, color=\"#cf222e\"]", Quoted(&said(by)))
            }
            Action::Puts { by } => write!(f, "[label={}, color=\"#9a6700\"]", Quoted(&said(by))),
            Action::Calls { count, inherits } => {
                let style = if *inherits { "solid" } else { "dashed" };
                write!(f, "[label=\"{count} calls seen\", color=\"#5a6675\", style={style}]")
            }
        }
    }
}

fn said(by: &[Means]) -> String {
    let word = |means: &Means| match means.option.as_str() {
        "tags" => format!("tag {}", means.text),
        option => format!("{option} {}", means.text),
    };
    by.iter().map(word).collect::<Vec<_>>().join("\n")
}

/// A text in quotes, as Graphviz reads it.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        write!(f, "\"{text}\"")
    }
}
