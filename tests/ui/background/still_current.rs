use cache_runtime::cached;

#[cached(ttl = "1m", still_current = |old: &u64| unchanged(*old))]
async fn not_kept(id: u64) -> u64 {
    id
}

#[cached(ttl = "1m", keep = "1h")]
async fn kept_for_nothing(id: u64) -> u64 {
    id
}

#[cached(ttl = "1m", keep = "soon", still_current = |old: &u64| unchanged(*old))]
async fn no_duration(id: u64) -> u64 {
    id
}

#[cached(keep = "1h", still_current = true)]
async fn boolean(id: u64) -> u64 {
    id
}

#[cached(keep = "1h", still_current = |old: &u64, id: u64| unchanged(*old + id))]
async fn two_parameters(id: u64) -> u64 {
    id
}

#[cached(keep = "1h", still_current = async |old: &u64| *old == 1)]
fn waits(id: u64) -> u64 {
    id
}

#[cached(keep = "1h", still_current = |old: &u64| unchanged(*old), each(id in ids))]
async fn many(ids: &[u64]) -> Vec<u64> {
    ids.to_vec()
}

async fn unchanged(old: u64) -> bool {
    old > 0
}

fn main() {}
