use cache_runtime::{InvalidationQueue, cached};

#[cached(verify = "soon")]
async fn no_duration(id: u64) -> u64 {
    id
}

#[cached(verify = "forever")]
async fn for_ever(id: u64) -> u64 {
    id
}

#[cached(verify = true)]
async fn boolean(id: u64) -> u64 {
    id
}

#[cached(verify = 0)]
async fn zero(id: u64) -> u64 {
    id
}

#[cached(early_refresh = 1.0, background = false, verify = "1m")]
async fn by_its_caller(id: u64) -> u64 {
    id
}

#[cached(verify = "1m", each(id in ids))]
async fn many(ids: &[u64]) -> Vec<u64> {
    ids.to_vec()
}

#[cached(verify = "1m", within = tx)]
async fn in_a_transaction(tx: &InvalidationQueue, id: u64) -> u64 {
    id
}

#[cached(verify = "1m")]
async fn destructured((id, lang): (u64, u64)) -> u64 {
    id + lang
}

fn main() {}
