use cache_runtime::{cache_invalidate, cached};

#[cached(tags = [|value| format!("user:{value}")])]
async fn closure(id: u64) -> u64 {
    id
}

#[cached(tags = [("user", id), ["user"], 5, 'c', -1])]
async fn other_kinds(id: u64) -> u64 {
    id
}

#[cached(tags = [format!("all:{}", ids.len())], each(id in ids))]
async fn all_ids(ids: Vec<u64>) -> Vec<u64> {
    ids
}

#[cache_invalidate(tags = [format!("all:{}", ids.len())], each(id in ids))]
async fn all_ids_again(ids: Vec<u64>) {
    drop(ids);
}

fn main() {}
