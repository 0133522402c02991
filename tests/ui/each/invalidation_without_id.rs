use cache_runtime::cache_invalidate;

#[cache_invalidate(prefix = "video", tags = ["of:{user}"], each(id in ids))]
async fn delete(ids: &[u64], user: u64) -> usize {
    ids.len() + usize::from(user > 0)
}

fn main() {}
