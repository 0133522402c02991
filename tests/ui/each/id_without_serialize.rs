use std::collections::HashMap;

use cache_runtime::cached;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Id(u64);

#[cached(each(id in ids))]
async fn titles(ids: &[Id]) -> HashMap<Id, String> {
    ids.iter().map(|id| (id.clone(), id.0.to_string())).collect()
}

fn main() {}
