use std::collections::HashMap;

use cache_runtime::cached;

#[cached(
    each(id in ids),
    detached = true,
    load_timeout = "1s",
    stale_if_error = "1h",
    error_ttl = "1s",
    share_errors = true,
    entry_fn = title_entry
)]
async fn titles(ids: Vec<u64>) -> Result<HashMap<u64, String>, String> {
    Ok(ids.iter().map(|id| (*id, id.to_string())).collect())
}

fn main() {}
