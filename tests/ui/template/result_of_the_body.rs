use cache_runtime::{cache_invalidate, cache_put, cached};

#[cached(key = "{id}")]
async fn product(id: u64) -> u64 {
    id
}

#[cache_invalidate(prefix = "{result}:list")]
async fn without_text(id: u64) -> u64 {
    id
}

#[cache_invalidate(prefix = "list-{result}")]
async fn without_segment(id: u64) -> u64 {
    id
}

#[cache_invalidate(tags = ["list:{result}", format!("list:{result}")])]
async fn tag(id: u64) -> u64 {
    id
}

#[cache_invalidate(prefix = "list:{result}", entry = product(result), when = "before")]
async fn before(id: u64) -> u64 {
    id
}

#[cache_invalidate(prefix = "list:{result}", each(id in ids))]
async fn each(ids: &[u64]) -> usize {
    ids.len()
}

#[cache_invalidate(prefix = "list:{shelf?}:{result}")]
async fn optional(shelf: Option<u64>) -> u64 {
    shelf.unwrap_or_default()
}

#[cache_invalidate(entry = [product][0](result))]
async fn without_name() -> u64 {
    1
}

#[cache_put(entry = [product][0](result))]
async fn put_without_name() -> u64 {
    1
}

#[cache_put(entry = product(result[0] + id), each(id in ids))]
async fn put_each(ids: &[u64]) -> Vec<u64> {
    ids.to_vec()
}

fn main() {}
