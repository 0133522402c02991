//! The graph of the annotated functions: which of them invalidates which, and which is computed from which.

use serde::Serialize;

use super::names::EntryNames;
use super::reach::{Reach, reaches};
use super::{CachedSite, Mutation, MutationSite, Registry, registry};
use crate::site::SourceLocation;

/// The annotated functions of a program and their dependencies: see [`graph`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Graph {
    /// The functions: those that are cached, then those that invalidate or put.
    pub functions: Vec<GraphFunction>,
    /// The dependencies between them.
    pub edges: Vec<GraphEdge>,
}

/// A function in a [`Graph`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct GraphFunction {
    /// The attribute of the function.
    pub kind: FunctionKind,
    /// The place of the attribute.
    #[serde(flatten)]
    pub location: SourceLocation,
    /// The prefix of its entries' names, or the template of the prefix that it invalidates.
    pub prefix: Option<&'static str>,
    /// The templates of the tags that its entries have, or that it invalidates.
    pub tags: &'static [&'static str],
}

/// The attribute of a function in a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FunctionKind {
    /// `#[cached]`.
    Cached,
    /// `#[cache_invalidate]`.
    Invalidate,
    /// `#[cache_put]`.
    Put,
}

/// A dependency in a [`Graph`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct GraphEdge {
    /// The place of the acting function in [`Graph::functions`].
    pub from: usize,
    /// The place of the other function in [`Graph::functions`].
    pub to: usize,
    /// The action.
    #[serde(flatten)]
    pub kind: EdgeKind,
}

/// The action of one function on another, in a [`Graph`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EdgeKind {
    /// It invalidates entries of the cached function.
    #[non_exhaustive]
    Invalidates {
        /// The prefix, tags and calls that reach them.
        by: Vec<Reach>,
    },
    /// It stores its result in entries of the cached function.
    #[non_exhaustive]
    Puts {
        /// The calls that have these entries.
        by: Vec<Reach>,
    },
    /// Its body has called the cached function in this process.
    #[non_exhaustive]
    Calls {
        /// The number of calls that were seen. Of those that memory answers, only a part is seen.
        count: u64,
        /// True if its entries are invalidated with those that its body reads.
        inherits: bool,
    },
}

/// Returns the annotated functions of the program and their dependencies: [`Registry::graph`] of [`registry`].
///
/// ```
/// use cache_runtime::{EdgeKind, cache_invalidate, cached, graph};
///
/// #[cached(key_prefix = "price", key = "{article}")]
/// async fn price(article: u64) -> u64 {
///     article * 100
/// }
///
/// #[cached(tags = ["price:{article}"])]
/// async fn offer(article: u64) -> String {
///     format!("{} cents", price(article).await)
/// }
///
/// #[cache_invalidate(prefix = "price:{article}")]
/// async fn change_price(article: u64) {
///     _ = article;
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// offer(1).await;
/// let graph = graph();
/// let edges = graph.edges.iter().map(|edge| {
///     let [from, to] = [edge.from, edge.to].map(|place| graph.functions[place].location.function);
///     (from, matches!(edge.kind, EdgeKind::Calls { .. }), to)
/// });
/// assert_eq!(edges.collect::<Vec<_>>(), [
///     ("change_price", false, "offer"),
///     ("change_price", false, "price"),
///     ("offer", true, "price"),
/// ]);
/// # }
/// ```
pub fn graph() -> Graph {
    registry().graph()
}

impl Registry {
    /// Returns these functions and their dependencies.
    ///
    /// Invalidations are known from the attributes. If a prefix or tag has values in it, an invalidation counts
    /// if it may reach an entry. Calls are known if they were seen in this process: a body that calls a
    /// cached function from a task that it spawns is not seen.
    pub fn graph(&self) -> Graph {
        let names: Vec<EntryNames<'_>> = self.cached.iter().map(EntryNames::of).collect();
        let cached = self.cached.iter().map(GraphFunction::cached);
        let functions = cached.chain(self.mutations.iter().map(GraphFunction::mutation)).collect();
        let mut edges = Vec::new();
        for (place, mutation) in self.mutations.iter().enumerate() {
            edges.extend(mutates(self.cached.len() + place, mutation, &names));
        }
        edges.extend(self.called());
        Graph { functions, edges }
    }

    fn called(&self) -> impl Iterator<Item = GraphEdge> {
        let place = |of: &SourceLocation| self.cached.iter().position(|site| site.location == *of);
        self.calls.iter().filter_map(move |calls| {
            let (from, to) = (place(&calls.outer)?, place(&calls.inner)?);
            let (count, inherits) = (calls.count, self.cached[from].inherits.is_any());
            Some(GraphEdge { from, to, kind: EdgeKind::Calls { count, inherits } })
        })
    }
}

/// Returns the edges from a mutation to the cached functions that it reaches.
fn mutates(
    from: usize,
    mutation: &MutationSite,
    names: &[EntryNames<'_>],
) -> impl Iterator<Item = GraphEdge> {
    let reached = names.iter().enumerate().map(|(to, names)| (to, reaches(mutation, names)));
    reached.filter(|(_, by)| !by.is_empty()).map(move |(to, by)| {
        let kind = match mutation.kind {
            Mutation::Invalidate => EdgeKind::Invalidates { by },
            Mutation::Put => EdgeKind::Puts { by },
        };
        GraphEdge { from, to, kind }
    })
}

impl GraphFunction {
    fn cached(site: &CachedSite) -> Self {
        GraphFunction {
            kind: FunctionKind::Cached,
            location: site.location.clone(),
            prefix: Some(site.prefix),
            tags: site.tags,
        }
    }

    fn mutation(site: &MutationSite) -> Self {
        let kind = match site.kind {
            Mutation::Invalidate => FunctionKind::Invalidate,
            Mutation::Put => FunctionKind::Put,
        };
        GraphFunction {
            kind,
            location: site.location.clone(),
            prefix: site.prefix,
            tags: site.tags,
        }
    }
}
