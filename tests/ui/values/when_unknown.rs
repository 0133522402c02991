use cache_runtime::cache_invalidate;

#[cache_invalidate(prefix = "video", when = "after")]
async fn change(id: u64) {
    drop(id);
}

fn main() {}
