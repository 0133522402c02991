use cache_runtime::cached;

#[cached(ttl = "1m", previous = old)]
async fn not_kept(id: u64, old: Option<u64>) -> u64 {
    old.unwrap_or(id)
}

#[cached(keep = "1h", previous = before)]
async fn unknown(id: u64, old: Option<u64>) -> u64 {
    old.unwrap_or(id)
}

#[cached(keep = "1h", previous = "old")]
async fn text(id: u64, old: Option<u64>) -> u64 {
    old.unwrap_or(id)
}

#[cached(keep = "1h", previous = old)]
async fn pattern(id: u64, (old, _): (Option<u64>, u64)) -> u64 {
    old.unwrap_or(id)
}

#[cached(keep = "1h", previous = old)]
async fn conditional(id: u64, #[cfg(unix)] old: Option<u64>) -> u64 {
    id
}

#[cached(keep = "1h", previous = old, key = "{id}:{old}")]
async fn in_a_template(id: u64, old: Option<u64>) -> u64 {
    old.unwrap_or(id)
}

#[cached(keep = "1h", previous = old, key = (id, old))]
async fn in_the_key(id: u64, old: Option<u64>) -> u64 {
    old.unwrap_or(id)
}

#[cached(keep = "1h", previous = old, skip(old))]
async fn skipped(id: u64, old: Option<u64>) -> u64 {
    old.unwrap_or(id)
}

#[cached(keep = "1h", previous = old, bypass_if = old.is_none())]
async fn in_a_condition(id: u64, old: Option<u64>) -> u64 {
    old.unwrap_or(id)
}

#[cached(keep = "1h", previous = old, each(id in ids))]
async fn many(ids: &[u64], old: Option<u64>) -> Vec<u64> {
    ids.to_vec()
}

fn main() {}
