use std::collections::HashMap;

use cache_runtime::cached;

#[cached(each(id in ids))]
async fn titles(ids: impl IntoIterator<Item = u64>) -> HashMap<u64, String> {
    ids.into_iter().map(|id| (id, id.to_string())).collect()
}

fn main() {}
