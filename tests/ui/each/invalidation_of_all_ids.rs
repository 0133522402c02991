use cache_runtime::cache_invalidate;

#[cache_invalidate(prefix = "video:{ids}", each(id in ids))]
async fn delete(ids: &[u64]) -> usize {
    ids.len()
}

#[cache_invalidate(prefix = "video:{id}", each(id in all))]
async fn delete_all(ids: &[u64]) -> usize {
    ids.len()
}

fn main() {}
