use std::collections::HashMap;

use cache_runtime::cached;

struct Pool;

#[cached(skip(pool), each(id in ids))]
async fn titles(ids: &[u64], pool: Pool) -> HashMap<u64, String> {
    let _ = pool;
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

fn main() {}
