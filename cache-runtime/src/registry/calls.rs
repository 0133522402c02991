//! The calls between cached functions that were seen while the program ran.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::site::{SourceLocation, seen_calls};

/// Calls of a cached function by the body of another one, as they were seen in this process. Of the calls that
/// memory answers, only a part is seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct SeenCalls {
    /// The function whose body makes the calls.
    pub outer: SourceLocation,
    /// The function that is called.
    pub inner: SourceLocation,
    /// The number of calls that were seen.
    pub count: u64,
}

/// Returns the calls by functions, in their order.
pub(super) fn calls() -> Vec<SeenCalls> {
    let mut counts = BTreeMap::new();
    for (outer, inner, count) in seen_calls() {
        let [outer, inner] = [outer, inner].map(|of| SourceLocation::of(&of.spec.declared));
        *counts.entry((outer, inner)).or_default() += count;
    }
    let calls = counts.into_iter();
    calls.map(|((outer, inner), count)| SeenCalls { outer, inner, count }).collect()
}
