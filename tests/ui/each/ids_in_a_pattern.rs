use std::collections::HashMap;

use cache_runtime::cached;

struct Json<T>(T);

#[cached(each(id in ids))]
async fn titles(Json(ids): Json<Vec<u64>>) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

fn main() {}
