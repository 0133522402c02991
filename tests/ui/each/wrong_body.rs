use std::collections::HashMap;

use cache_runtime::cached;

#[cached(each(id in ids))]
async fn titles(ids: Vec<u64>, lang: String) -> HashMap<u64, String> {
    let lang: u64 = lang;
    ids.into_iter().map(|id| (id, lang.to_string()))
}

fn main() {}
