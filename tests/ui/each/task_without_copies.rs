use std::collections::HashMap;

use cache_runtime::cached;

#[cached(stale_while_revalidate = "1m", each(id in ids))]
async fn titles(ids: &[&str], log: &mut Vec<String>) -> HashMap<String, String> {
    ids.iter().map(|id| ((*id).to_owned(), log.concat())).collect()
}

fn main() {}
