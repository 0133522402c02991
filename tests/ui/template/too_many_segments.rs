use cache_runtime::cache_invalidate;

#[cache_invalidate(prefix = "a:b:c:d:e:f:{id}")]
async fn change(id: u64) {
    drop(id);
}

fn main() {}
