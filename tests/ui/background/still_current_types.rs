use cache_runtime::cached;

#[cached(keep = "1h", still_current = |old: &u64| *old > 0)]
async fn at_once(id: u64) -> u64 {
    id
}

#[cached(keep = "1h", still_current = |old: &u64| async move { old.checked_add(1) })]
async fn no_bool(id: u64) -> u64 {
    id
}

#[cached(keep = "1h", still_current = |old: &u64| async move { *old > 0 })]
fn not_async(id: u64) -> u64 {
    id
}

#[cached(keep = "1h", still_current = |old: &String| async move { old.is_empty() })]
async fn another_type(id: u64) -> u64 {
    id
}

fn main() {}
