//! The part of a graph that is connected with a function.

use std::collections::BTreeSet;

use super::{Edge, Graph};
use crate::exit::Failure;

impl Graph {
    /// Returns the functions of this name, those on which their values depend, and those that depend on them.
    pub(crate) fn connected_with(self, name: &str) -> Result<Self, Failure> {
        let places = self.places_of(name)?;
        let above = self.reached(&places, |edge| (edge.flow().1, edge.flow().0));
        let below = self.reached(&places, Edge::flow);
        let kept: Vec<usize> = above.union(&below).copied().collect();
        Ok(self.only(&kept))
    }

    /// Returns the functions that can be reached from these by such steps, these among them.
    fn reached(&self, from: &[usize], step: impl Fn(&Edge) -> (usize, usize)) -> BTreeSet<usize> {
        let mut reached: BTreeSet<usize> = from.iter().copied().collect();
        let mut open = from.to_vec();
        while let Some(place) = open.pop() {
            let steps = self.edges.iter().map(&step);
            let next = steps.filter(|(from, _)| *from == place).map(|(_, to)| to);
            for place in next {
                if reached.insert(place) {
                    open.push(place);
                }
            }
        }
        reached
    }

    /// Returns the functions at these places, which are in order, and the edges between them.
    fn only(self, kept: &[usize]) -> Self {
        let place = |of: usize| kept.binary_search(&of).ok();
        let edges = self
            .edges
            .into_iter()
            .filter_map(|edge| Some(Edge { from: place(edge.from)?, to: place(edge.to)?, ..edge }));
        let functions = kept.iter().map(|place| self.functions[*place].clone()).collect();
        Graph { edges: edges.collect(), functions }
    }
}
